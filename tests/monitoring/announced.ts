/** In use before docs/metrics.md lists them, with the part of the program that will add them. Empty once those are there. */
export const announced = new Map<string, string>([
  ['tcp_client_reconnects_total', 'outages'],
  ['tcp_client_target_down', 'outages'],
  ['tcp_client_target_down_seconds_total', 'outages'],
  ['tcp_client_suspect_exchanges_total', 'outages'],
  ['tcp_server_accept_queue', 'load shedding'],
  ['tcp_server_accept_queue_limit', 'load shedding'],
])
