import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { type CredentialsError, WatchedCredentials } from '@nihao/wire'
import type { ServerValues } from '../settings.ts'

/** Why a TLS handshake failed: the `reason` of metrics and logs. */
export const handshakeFailures = [
  'timeout',
  'not_tls',
  'version',
  'cipher',
  'client_certificate',
  'alert',
  'closed',
  'other',
] as const
export type HandshakeFailure = (typeof handshakeFailures)[number]

export interface HandshakeEvents {
  succeeded(socket: TLSSocket): void
  failed(failure: HandshakeFailure, error: Error): void
}

export interface CertificateEvents {
  reloaded(expiresAtMs: number): void
  reloadFailed(error: CredentialsError): void
}

/** TLS handshakes on the accepted sockets of one listener, with certificates that are reloaded when their files change. */
export class TlsHandshakes {
  readonly #server: Server
  readonly #credentials: WatchedCredentials
  readonly #pending = new WeakMap<Socket, HandshakeEvents>()

  /** @throws {CredentialsError} */
  constructor(values: ServerValues, events: CertificateEvents) {
    this.#credentials = new WatchedCredentials(values, {
      reloaded: ({ options }) => {
        this.#server.setSecureContext(options)
        events.reloaded(this.expiresAtMs)
      },
      failed: error => events.reloadFailed(error),
    })
    this.#server = createServer({
      ...this.#credentials.current.options,
      requestCert: values.clientCert !== 'none',
      rejectUnauthorized: values.clientCert === 'require',
      ...(values.alpn.length > 0 && { ALPNProtocols: [...values.alpn] }),
      handshakeTimeout: values.handshakeTimeout,
    })
    this.#server.on('secureConnection', socket => this.#succeeded(socket, values.clientCert === 'request'))
    this.#server.on('tlsClientError', (error, socket) => this.#failed(socket, error))
  }

  /** Earliest expiry of the certificates in use: wall clock, ms. */
  get expiresAtMs(): number {
    return this.#credentials.current.expiresAtMs ?? Number.NaN
  }

  reload(): void {
    this.#credentials.reload()
  }

  close(): void {
    this.#credentials.close()
  }

  /** Starts a handshake, including bytes put back into the socket. Calls one of the events, unless the socket is destroyed. */
  start(socket: Socket, events: HandshakeEvents): void {
    this.#pending.set(socket, events)
    // A peer that closes during the handshake is gone, but Node would wait for this side to end too.
    socket.allowHalfOpen = false
    this.#server.emit('connection', socket)
  }

  #succeeded(socket: TLSSocket, certificateOptional: boolean): void {
    if (certificateOptional && !socket.authorized && socket.getPeerX509Certificate() !== undefined) {
      socket.on('error', () => {}) // the accepted socket is destroyed, and this one with it
      this.#failed(socket, new Error())
      return
    }
    socket.allowHalfOpen = true // otherwise, unwritten replies are lost when the peer half-closes
    this.#take(socket)?.succeeded(socket)
  }

  #failed(socket: TLSSocket, error: OpenSslError): void {
    const { authorizationError: invalid } = socket
    const { code = '', reason, message } = invalid ? { code: String(invalid), message: 'invalid client certificate' } : error
    const failure = invalid ? 'client_certificate' : failureOf(code)
    this.#take(socket)?.failed(failure, Object.assign(new Error(reason ?? message), { code }))
  }

  /** Node reports handshakes by TLS socket and offers no public way to get the underlying accepted socket. */
  #take(socket: TLSSocket): HandshakeEvents | undefined {
    const accepted = (socket as unknown as { _parent: Socket | null })._parent
    if (accepted === null || accepted === undefined) return undefined
    const events = this.#pending.get(accepted)
    this.#pending.delete(accepted)
    return events
  }
}

/** `reason` is OpenSSL's own text; the message adds addresses and file names. */
type OpenSslError = NodeJS.ErrnoException & { readonly reason?: string }

const FAILURES: readonly [code: RegExp, failure: HandshakeFailure][] = [
  [/HANDSHAKE_TIMEOUT/, 'timeout'],
  [/WRONG_VERSION_NUMBER|HTTPS?_(PROXY_)?REQUEST|BAD_RECORD_TYPE/, 'not_tls'],
  [/UNSUPPORTED_PROTOCOL|VERSION_TOO_|PROTOCOL_VERSION|INAPPROPRIATE_FALLBACK/, 'version'],
  [/NO_SHARED_|NO_SUITABLE_|NO_CIPHERS_SPECIFIED/, 'cipher'],
  [/PEER_DID_NOT_RETURN_A_CERTIFICATE/, 'client_certificate'],
  [/ALERT/, 'alert'],
  [/^(ECONNRESET|EPIPE|ETIMEDOUT)$/, 'closed'],
]

function failureOf(code: string): HandshakeFailure {
  return FAILURES.find(([pattern]) => pattern.test(code))?.[1] ?? 'other'
}
