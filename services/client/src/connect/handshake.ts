import type { Socket } from 'node:net'
import { connect, type SecureContext } from 'node:tls'

export interface TlsDialOptions {
  readonly context: SecureContext
  /** The name that the server's certificate must match. */
  readonly host: string
  /** Server name indication (SNI); undefined for an address, which SNI does not support. */
  readonly servername: string | undefined
  readonly alpn: readonly string[]
}

/** A failed TLS handshake or an untrusted certificate; the message gives the reason. */
export class TlsError extends Error {
  override readonly name = 'TlsError'
  readonly code: string

  constructor({ code = 'ERR_TLS', reason, message }: NodeJS.ErrnoException & { readonly reason?: string }) {
    super(MEANINGS[code] ?? reason ?? message)
    this.code = code
  }
}

const MEANINGS: Record<string, string> = {
  CERT_HAS_EXPIRED: "the server's certificate has expired",
  CERT_NOT_YET_VALID: "the server's certificate is not yet valid",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the server's certificate is self-signed and not trusted",
  SELF_SIGNED_CERT_IN_CHAIN: "the server's certificate was issued by an untrusted root",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the server's certificate was issued by an untrusted authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the server's certificate was issued by an untrusted authority",
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server does not speak TLS',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'the server does not support TLS 1.2 or later',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the server requires a client certificate',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'the server does not trust the client certificate',
}

/**
 * Upgrades a connected socket to TLS.
 * @throws {TlsError}, or a system error if the connection failed, with `code` EOF if the server closed
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
  // Node's error for a FIN during the handshake; the error of a reset has a system call.
  if (error.code === 'ECONNRESET') {
    return Object.assign(new Error('the server closed the connection during the TLS handshake'), { code: 'EOF' })
  }
  return new TlsError(error)
}
