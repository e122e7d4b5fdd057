import { TlsError } from './connect/handshake.ts'

/** Why a connection or an exchange failed: the `reason` of logs and metrics. */
export const failureReasons = [
  'dns',
  'refused',
  'unreachable',
  'timeout',
  'reset',
  'tls',
  'eof',
  'rejected',
  'mismatch',
  'protocol',
  'no_ports',
  'no_files',
  'other',
] as const
export type FailureReason = (typeof failureReasons)[number]

/** A failure is what a client is there to see: a value with its reason, and what the operating system said where it said something. */
export interface Failure {
  readonly reason: FailureReason
  readonly error?: Error | undefined
}

const REASONS: Record<string, FailureReason> = {
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  EAI_NODATA: 'dns',
  ECONNREFUSED: 'refused',
  ENOENT: 'refused', // a Unix socket that is not there: nobody listens
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENETDOWN: 'unreachable',
  ETIMEDOUT: 'timeout',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  EOF: 'eof',
  EADDRNOTAVAIL: 'no_ports',
  EMFILE: 'no_files',
  ENFILE: 'no_files',
  WRONG_REPLY: 'mismatch',
  WRONG_SERVER: 'mismatch',
  REJECTED: 'rejected',
  PROTOCOL_ERROR: 'protocol',
}

export function describeFailure(error: NodeJS.ErrnoException): Failure {
  // What gives up on a signal has a number for a code.
  const code = typeof error.code === 'string' ? error.code : ''
  const tlsError = error instanceof TlsError ? error : code.startsWith('ERR_SSL_') ? new TlsError(error) : undefined
  return tlsError ? { reason: 'tls', error: tlsError } : { reason: REASONS[code] ?? 'other', error }
}

/** Whose side ended it: the server by FIN or RST, the client by giving up; `none` where there was no connection to end. */
export type ClosedBy = 'server' | 'client' | 'none'

export function closedBy(reason: FailureReason): ClosedBy {
  return reason === 'eof' || reason === 'reset' || reason === 'rejected' || reason === 'tls' ? 'server' : 'client'
}
