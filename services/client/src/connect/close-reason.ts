import type { Failure } from '../failure.ts'

/** How a connection ended: the `reason` of logs and metrics. */
export const closeReasons = ['finished', 'goaway', 'server_closed', 'reset', 'timeout', 'protocol', 'mismatch', 'local'] as const
export type CloseReason = (typeof closeReasons)[number]

/** @param goAwaySent whether the server had sent GOAWAY */
export function closeReasonOf(failure: Failure | undefined, goAwaySent: boolean): CloseReason {
  switch (failure?.reason) {
    case undefined:
      return goAwaySent ? 'goaway' : 'finished'
    case 'eof':
    case 'rejected':
    case 'tls': // a TLS alert is the last thing that a server sends
      return 'server_closed'
    case 'reset':
    case 'timeout':
    case 'protocol':
    case 'mismatch':
      return failure.reason
    default:
      return 'local'
  }
}
