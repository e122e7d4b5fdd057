import type { Socket } from 'node:net'
import { type ProxyHeaderError, parseProxyHeader } from '@nihao/wire'
import type { Listed } from '../connection/connection-list.ts'
import type { Peer } from '../connection/peer.ts'
import type { CloseReason } from '../reasons.ts'
import type { HandshakeFailure, TlsHandshakes } from '../tls/handshakes.ts'

/** The steps that a listener requires before the protocol of a connection begins. */
export interface AdmissionRules {
  readonly proxy: 'off' | 'v1' | 'v2' | 'any'
  readonly tls: TlsHandshakes | undefined
  /** Time limit for the PROXY header and the TLS handshake together. */
  readonly timeoutMs: number
}

/** Why a PROXY header was rejected; `untrusted`: the sender is not a trusted proxy. */
export type ProxyError = ProxyHeaderError | 'untrusted' | 'timeout' | 'closed'

/** Exactly one of `admitted`, `rejected`, `handshakeFailed` and `terminated` ends an admission. */
export interface AdmissionEvents {
  /** A PROXY header identified the peer. @returns true if the connection was rejected because of it */
  identified(peer: Peer): boolean
  /** @param socket carries plaintext, even if the connection uses TLS */
  admitted(socket: Socket): void
  rejected(detail: ProxyError): void
  handshakeSucceeded(durationMs: number): void
  handshakeFailed(failure: HandshakeFailure, error: Error | undefined): void
  /** @param error defined if a bug is the cause */
  terminated(reason: CloseReason, error: Error | undefined): void
}

/** The first byte sent by any TLS client: the record type handshake (RFC 8446, section 5.1). */
const TLS_HANDSHAKE = 0x16

/**
 * The stage between accepting a socket and starting its protocol: the PROXY header, then the TLS handshake, within one time limit. It
 * buffers only the header.
 */
export class Admission implements Listed {
  index = -1
  readonly #socket: Socket
  readonly #peer: Peer
  readonly #rules: AdmissionRules
  readonly #events: AdmissionEvents
  readonly #timer: NodeJS.Timeout
  #bytes: Buffer = Buffer.alloc(0)
  #stage: 'proxy' | 'tls' | 'over'
  #handshakeStartMs = 0

  /** @param peer as reported by the socket */
  constructor(socket: Socket, peer: Peer, rules: AdmissionRules, events: AdmissionEvents) {
    this.#socket = socket
    this.#peer = peer
    this.#rules = rules
    this.#events = events
    this.#stage = rules.proxy === 'off' ? 'tls' : 'proxy'
    this.#timer = setTimeout(() => this.#fail('timeout'), rules.timeoutMs)
    socket.on('error', ignore) // reported at `close`, or by the TLS socket
    socket.on('end', this.#closed)
    socket.on('close', this.#closed)
    socket.on('readable', this.#read)
  }

  /** Destroys the connection immediately. */
  terminate(reason: CloseReason, error?: Error): void {
    this.#end()
    this.#socket.destroy()
    this.#events.terminated(reason, error)
  }

  readonly #read = () => {
    const chunk: Buffer | null = this.#socket.read()
    if (chunk === null) return
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    try {
      if (this.#stage === 'proxy') this.#readHeader()
      else this.#startTls()
    } catch (error) {
      this.terminate('error', error as Error)
    }
  }

  #readHeader(): void {
    const { proxy, tls } = this.#rules
    if (proxy === 'off') return
    const header = parseProxyHeader(this.#bytes, proxy)
    if (header === undefined) return
    if (typeof header === 'string') {
      this.#fail(header)
      return
    }
    const { address, port } = this.#peer
    this.#bytes = this.#bytes.subarray(header.sizeBytes)
    this.#stage = 'tls'
    const named = header.source ? { ...header.source, via: { address, port } } : this.#peer
    if (this.#events.identified({ ...named, headerBytes: tls ? 0 : header.sizeBytes })) this.#end()
    else if (tls !== undefined) this.#startTls()
    else this.#admit(this.#socket)
  }

  #startTls(): void {
    if (this.#bytes.length === 0) return
    if (this.#bytes[0] !== TLS_HANDSHAKE) {
      this.#fail('not_tls')
      return
    }
    this.#handBack()
    this.#handshakeStartMs = performance.now()
    this.#rules.tls?.start(this.#socket, {
      succeeded: socket => {
        if (this.#stage === 'over') return
        this.#events.handshakeSucceeded(performance.now() - this.#handshakeStartMs)
        this.#admit(socket)
      },
      failed: (failure, error) => this.#fail(failure, error),
    })
  }

  #admit(socket: Socket): void {
    this.#handBack()
    this.#end()
    this.#events.admitted(socket)
  }

  #fail(failure: ProxyError | HandshakeFailure, error?: Error): void {
    if (this.#stage === 'over') return
    const wasProxy = this.#stage === 'proxy'
    this.#end()
    if (wasProxy) this.#events.rejected(failure as ProxyError)
    else {
      this.#events.handshakeFailed(failure as HandshakeFailure, error)
      // Deferred, because Node crashes if a socket is destroyed inside a callback of its TLS socket.
      setImmediate(() => this.#socket.destroy())
    }
  }

  /** Deferred, because the TLS socket may still report the reason. */
  readonly #closed = () => setImmediate(() => this.#fail('closed'))

  #end(): void {
    this.#stage = 'over'
    clearTimeout(this.#timer)
    this.#stopReading()
    this.#socket.off('close', this.#closed)
    if (this.#rules.tls === undefined) this.#socket.off('error', ignore)
  }

  /** Puts the unconsumed bytes back into the socket. */
  #handBack(): void {
    this.#stopReading()
    if (this.#bytes.length > 0) this.#socket.unshift(this.#bytes)
    this.#bytes = Buffer.alloc(0)
  }

  #stopReading(): void {
    this.#socket.off('readable', this.#read)
    this.#socket.off('end', this.#closed)
  }
}

function ignore(): void {}
