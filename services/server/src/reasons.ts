/** Why a connection ended: the `reason` of logs and metrics. */
export const closeReasons = [
  'client_closed',
  'drained',
  'drain_timeout',
  'idle_timeout',
  'max_age',
  'slow_reader',
  'reset',
  'protocol_error',
  'fault',
  'tls_error',
  'error',
] as const
export type CloseReason = (typeof closeReasons)[number]

/** Why a connection was rejected: the `reason` of logs, metrics and REJECT. */
export const rejectReasons = ['max_connections', 'max_connections_per_address', 'overload', 'proxy_header', 'fault'] as const
export type RejectReason = (typeof rejectReasons)[number]
