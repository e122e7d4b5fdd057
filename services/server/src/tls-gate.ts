import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { type CredentialsError, WatchedCredentials } from '@nihao/wire'
import type { ServerValues } from './settings.ts'

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
  secured(socket: TLSSocket): void
  failed(reason: HandshakeFailure, error: Error): void
}

export interface CertificateEvents {
  reloaded(expiresAtMs: number): void
  notReloaded(error: CredentialsError): void
}

/** The TLS of one listener: handshakes on accepted sockets, with certificates that may change while connections are open. */
export class TlsGate {
  readonly #server: Server
  readonly #credentials: WatchedCredentials
  readonly #underWay = new WeakMap<Socket, HandshakeEvents>()

  /** @throws {CredentialsError} */
  constructor(values: ServerValues, events: CertificateEvents) {
    this.#credentials = new WatchedCredentials(values, {
      reloaded: ({ options }) => {
        this.#server.setSecureContext(options)
        events.reloaded(this.expiresAtMs)
      },
      failed: error => events.notReloaded(error),
    })
    this.#server = createServer({
      ...this.#credentials.current.options,
      requestCert: values.clientCert !== 'none',
      rejectUnauthorized: values.clientCert === 'require',
      ...(values.alpn.length > 0 && { ALPNProtocols: [...values.alpn] }),
      handshakeTimeout: values.handshakeTimeout,
      highWaterMark: values.maxBuffered,
    })
    this.#server.on('secureConnection', socket => this.#secured(socket, values.clientCert === 'request'))
    this.#server.on('tlsClientError', (error, socket) => this.#failed(socket, error))
  }

  /** When the first of the certificates in use expires, wall clock, ms. */
  get expiresAtMs(): number {
    return this.#credentials.current.expiresAtMs ?? Number.NaN
  }

  reload(): void {
    this.#credentials.reload()
  }

  close(): void {
    this.#credentials.close()
  }

  /** Begins a handshake on a socket that the gate then owns; bytes that were put back into it count. One event follows, unless it is destroyed. */
  handshake(socket: Socket, events: HandshakeEvents): void {
    this.#underWay.set(socket, events)
    // A peer that closes in the middle of its handshake is gone; Node would wait for this side to end as well.
    socket.allowHalfOpen = false
    this.#server.emit('connection', socket)
  }

  #secured(socket: TLSSocket, certificateMayLack: boolean): void {
    if (certificateMayLack && !socket.authorized && socket.getPeerX509Certificate() !== undefined) {
      socket.on('error', () => {}) // whoever hears of the failure destroys the accepted socket, and this one with it
      this.#failed(socket, new Error())
      return
    }
    socket.allowHalfOpen = true // else what is not yet written is lost when the peer half-closes
    this.#take(socket)?.secured(socket)
  }

  #failed(socket: TLSSocket, error: OpenSslError): void {
    const { authorizationError: refusal } = socket
    const { code = '', reason, message } = refusal ? { code: String(refusal), message: 'the certificate is not valid' } : error
    const why = refusal ? 'client_certificate' : reasonOf(code)
    this.#take(socket)?.failed(why, Object.assign(new Error(reason ?? message), { code }))
  }

  /** Node tells of a handshake by the socket that it has put around the accepted one, which only it knows: `_parent`. */
  #take(socket: TLSSocket): HandshakeEvents | undefined {
    const accepted = (socket as unknown as { _parent: Socket | null })._parent
    if (accepted === null || accepted === undefined) return undefined
    const events = this.#underWay.get(accepted)
    this.#underWay.delete(accepted)
    return events
  }
}

/** OpenSSL puts its own words into `reason`; the message has them between addresses and file names. */
type OpenSslError = NodeJS.ErrnoException & { readonly reason?: string }

const REASONS: readonly [pattern: RegExp, reason: HandshakeFailure][] = [
  [/HANDSHAKE_TIMEOUT/, 'timeout'],
  [/WRONG_VERSION_NUMBER|HTTPS?_(PROXY_)?REQUEST|BAD_RECORD_TYPE/, 'not_tls'],
  [/UNSUPPORTED_PROTOCOL|VERSION_TOO_|PROTOCOL_VERSION|INAPPROPRIATE_FALLBACK/, 'version'],
  [/NO_SHARED_|NO_SUITABLE_|NO_CIPHERS_SPECIFIED/, 'cipher'],
  [/PEER_DID_NOT_RETURN_A_CERTIFICATE/, 'client_certificate'],
  [/ALERT/, 'alert'],
  [/^(ECONNRESET|EPIPE|ETIMEDOUT)$/, 'closed'],
]

function reasonOf(code: string): HandshakeFailure {
  return REASONS.find(([pattern]) => pattern.test(code))?.[1] ?? 'other'
}
