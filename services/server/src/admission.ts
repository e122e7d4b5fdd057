import type { Socket } from 'node:net'
import { type ProxyHeaderError, parseProxyHeader } from '@nihao/wire'
import type { Peer } from './connection.ts'
import type { CloseReason, RejectReason } from './reasons.ts'
import type { HandshakeFailure, TlsGate } from './tls-gate.ts'

/** What a listener demands of a connection before its protocol begins. */
export interface AdmissionRules {
  readonly proxy: 'off' | 'v1' | 'v2' | 'any'
  readonly tls: TlsGate | undefined
  /** For everything together. */
  readonly timeoutMs: number
}

/** Why a PROXY header was not taken; `untrusted`: from somebody who is no proxy of ours. */
export type ProxyRefusal = ProxyHeaderError | 'untrusted' | 'timeout' | 'closed'

/** Exactly one of `admitted`, `refused`, `failed` and `cut` ends an admission. */
export interface AdmissionEvents {
  /** A proxy has told whose connection this is. @returns why it is not to be served, if so */
  told(peer: Peer): RejectReason | undefined
  /** @param socket speaks plain text, whatever is underneath */
  admitted(socket: Socket): void
  refused(reason: RejectReason, detail?: ProxyRefusal): void
  failed(reason: HandshakeFailure, error?: Error): void
  cut(reason: CloseReason): void
  handshake(durationMs: number): void
}

/** The first byte of everything that a TLS client says before its handshake is over (RFC 8446, section 5.1: handshake). */
const TLS_HANDSHAKE = 0x16

/**
 * What stands between an accepted socket and its protocol: the PROXY header, then the TLS handshake, in one time limit. It keeps no more
 * than the header that it waits for.
 */
export class Admission {
  readonly #socket: Socket
  readonly #peer: Peer
  readonly #rules: AdmissionRules
  readonly #events: AdmissionEvents
  readonly #timer: NodeJS.Timeout
  #bytes: Buffer = Buffer.alloc(0)
  #stage: 'proxy' | 'tls' | 'over'
  #handshakeStartMs = 0

  /** @param peer as the socket has it */
  constructor(socket: Socket, peer: Peer, rules: AdmissionRules, events: AdmissionEvents) {
    this.#socket = socket
    this.#peer = peer
    this.#rules = rules
    this.#events = events
    this.#stage = rules.proxy === 'off' ? 'tls' : 'proxy'
    this.#timer = setTimeout(() => this.#fail('timeout'), rules.timeoutMs)
    socket.on('error', ignore) // told by `close`, or by the TLS around it
    socket.on('end', this.#closed)
    socket.on('close', this.#closed)
    socket.on('readable', this.#read)
  }

  /** Ends it at once. */
  cut(reason: CloseReason): void {
    this.#end()
    this.#socket.destroy()
    this.#events.cut(reason)
  }

  readonly #read = () => {
    const chunk: Buffer | null = this.#socket.read()
    if (chunk === null) return
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    if (this.#stage === 'proxy') this.#readHeader()
    else this.#secure()
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
    const told = header.source && { ...header.source, via: { address, port } }
    const reason = this.#events.told({ ...(told ?? this.#peer), headerBytes: tls ? 0 : header.sizeBytes })
    if (reason !== undefined) {
      this.#end()
      this.#events.refused(reason)
    } else if (tls !== undefined) this.#secure()
    else this.#admit(this.#socket)
  }

  #secure(): void {
    if (this.#bytes.length === 0) return
    if (this.#bytes[0] !== TLS_HANDSHAKE) {
      this.#fail('not_tls')
      return
    }
    this.#handBack()
    this.#handshakeStartMs = performance.now()
    this.#rules.tls?.handshake(this.#socket, {
      secured: socket => {
        if (this.#stage === 'over') return
        this.#events.handshake(performance.now() - this.#handshakeStartMs)
        this.#admit(socket)
      },
      failed: (reason, error) => this.#fail(reason, error),
    })
  }

  #admit(socket: Socket): void {
    this.#end()
    this.#events.admitted(socket)
  }

  #fail(why: ProxyRefusal | HandshakeFailure, error?: Error): void {
    if (this.#stage === 'over') return
    const wasProxy = this.#stage === 'proxy'
    this.#end()
    if (wasProxy) this.#events.refused('proxy_header', why as ProxyRefusal)
    else {
      this.#events.failed(why as HandshakeFailure, error)
      // Not at once: to destroy a socket while its TLS calls back crashes Node.
      setImmediate(() => this.#socket.destroy())
    }
  }

  /** The TLS around the socket may still have to say why. */
  readonly #closed = () => setImmediate(() => this.#fail('closed'))

  #end(): void {
    this.#stage = 'over'
    clearTimeout(this.#timer)
    this.#handBack()
    this.#socket.off('close', this.#closed)
    if (this.#rules.tls === undefined) this.#socket.off('error', ignore)
  }

  /** Leaves the socket as if nothing had been read of it but the header. */
  #handBack(): void {
    this.#socket.off('readable', this.#read)
    this.#socket.off('end', this.#closed)
    if (this.#bytes.length > 0) this.#socket.unshift(this.#bytes)
    this.#bytes = Buffer.alloc(0)
  }
}

function ignore(): void {}
