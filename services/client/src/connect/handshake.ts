import type { Socket } from 'node:net'
import { connect, type SecureContext } from 'node:tls'

export interface TlsDialOptions {
  readonly context: SecureContext
  /** Whose certificate is expected: the host that was asked for, or another name that was given. */
  readonly host: string
  /** The name to ask for (SNI); undefined for an address, which has none. */
  readonly servername: string | undefined
  readonly alpn: readonly string[]
}

/** A TLS handshake that failed, or a server that can't be trusted; the message says why in words. */
export class TlsError extends Error {
  override readonly name = 'TlsError'
  readonly code: string

  constructor({ code = 'ERR_TLS', reason, message }: NodeJS.ErrnoException & { readonly reason?: string }) {
    super(MEANINGS[code] ?? reason ?? message)
    this.code = code
  }
}

const MEANINGS: Record<string, string> = {
  CERT_HAS_EXPIRED: 'the certificate of the server has expired',
  CERT_NOT_YET_VALID: 'the certificate of the server is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate of the server is self-signed, and not one of those that are trusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate of the server comes from a root that is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate of the server comes from nobody who is trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the certificate of the server comes from nobody who is trusted',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server does not speak TLS',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'the server does not take TLS 1.2 or later',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the server wants a certificate of the client',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'the server does not trust the certificate of the client',
}

/**
 * Makes a connected socket a TLS connection.
 * @throws {TlsError} and, where the connection broke, what the operating system said; `code` EOF for a server that closed
 */
export function handshake(socket: Socket, tls: TlsDialOptions, signal: AbortSignal): Promise<Socket> {
  const { context, host, servername, alpn } = tls
  return new Promise((resolve, reject) => {
    const secured = connect({
      socket,
      secureContext: context,
      host,
      ...(servername !== undefined && { servername }),
      ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
    })
    const abort = () => secured.destroy(signal.reason)
    const fail = (error: Error) => {
      signal.removeEventListener('abort', abort)
      reject(asFailure(error, signal))
    }
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    secured.once('error', fail)
    secured.once('secureConnect', () => {
      signal.removeEventListener('abort', abort)
      secured.off('error', fail)
      resolve(secured)
    })
  })
}

function asFailure(error: NodeJS.ErrnoException, signal: AbortSignal): Error {
  if (error === signal.reason || error.syscall !== undefined) return error
  // Node's own word for a FIN in the middle of a handshake; a reset has the system call that it came from.
  if (error.code === 'ECONNRESET') {
    return Object.assign(new Error('the server closed during the TLS handshake'), { code: 'EOF' })
  }
  return new TlsError(error)
}
