import { constants } from 'node:os'
import { printable } from '@nihao/service'
import { TlsError } from './connect/handshake.ts'

/** Why a connection or an exchange failed: the `reason` of logs, metrics and reports. */
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

/** The client exists to observe failures, so a failure is a value, not an exception. */
export interface Failure {
  readonly reason: FailureReason
  /** Its message is printable, even if it contains text from the server. */
  readonly error?: Error | undefined
}

const REASONS: Readonly<Record<string, FailureReason>> = {
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  EAI_NODATA: 'dns',
  ECONNREFUSED: 'refused',
  ENOENT: 'refused', // no such Unix socket
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

/**
 * Converts an error of the system, of TLS or of a codec to a failure.
 * @throws any other error: a bug must not be reported as a network failure
 */
export function describeFailure(error: NodeJS.ErrnoException): Failure {
  const code = typeof error.code === 'string' ? error.code : ''
  const reason = reasonOf(error, code)
  if (reason === undefined) throw error
  const described = reason === 'tls' && !(error instanceof TlsError) ? new TlsError(error) : error
  described.message = printable(described.message)
  return { reason, error: described }
}

function reasonOf(error: NodeJS.ErrnoException, code: string): FailureReason | undefined {
  if (error instanceof TlsError || code.startsWith('ERR_SSL_')) return 'tls'
  return REASONS[code] ?? (code in constants.errno ? 'other' : undefined)
}
