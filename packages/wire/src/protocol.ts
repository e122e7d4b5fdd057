/**
 * An application protocol without its transport: codecs turn bytes into bytes and know nothing of sockets, timers, logs or metrics.
 * One object provides both codecs of a protocol, so that a protocol changes in one place.
 */
export interface Protocol {
  /** The port of endpoint URLs without one. */
  readonly defaultPort: number
  /** True for human-readable protocols: the server may send a banner line first. */
  readonly text: boolean
  /** Creates the server's codec for a new connection. `context` provides information from the server's process. */
  serverCodec(options: ServerOptions, info: () => ConnectionInfo, context?: ServerContext): ServerCodec
  /** Encodes the message that rejects a connection; absent in protocols without one. */
  reject?(reason: string, limit: number | null): Buffer
  /** Creates the client's codec for a new connection. */
  clientCodec(options: ClientOptions, events: ClientEvents): ClientCodec
}

export interface ServerOptions {
  /** Text that `greet` writes before each line. */
  readonly greeting: string
  /** Maximum payload of a PING, in bytes. */
  readonly maxMessage: number
}

/** Information for a client about the server and their connection. */
export interface ConnectionInfo {
  /** Identifies this server among its replicas. */
  readonly server: string
  readonly release: string
  /** Random; differs for each process. */
  readonly boot?: string
  /** Unique among all connections of that process. */
  readonly connection?: number
  readonly listener: string
  readonly address: string
  readonly peer: string | undefined
  /** The proxy's address, if a PROXY header gave the peer's. */
  readonly via?: string | undefined
  /** Open connections of this listener, including this one. */
  readonly connections: number
  /** Maximum open connections of this listener; null = no limit. */
  readonly limit: number | null
}

/** What a server codec needs from its process. Without it, times count from process start and earlier connections are unknown. */
export interface ServerContext {
  readonly clock?: ServerClock
  /** Looks up how an earlier connection ended. */
  lookUp?(boot: string, connection: number): EndedConnection
}

export interface ServerClock {
  /** Monotonic time in whole µs. */
  nowUs(): number
  /** How long the event loop was blocked before the current read, in whole µs. */
  stalledUs(): number
}

export const connectionStates = ['open', 'closed', 'unknown', 'other_boot'] as const

/** The server's record of an earlier connection. */
export interface EndedConnection {
  readonly state: (typeof connectionStates)[number]
  /** The server's close reason. */
  readonly reason?: string
  readonly resetSeen?: boolean
  readonly finSeen?: boolean
  readonly pings?: number
  readonly receivedBytes?: number
  readonly sentBytes?: number
  /** Time since it ended, ms. */
  readonly agoMs?: number
}

export interface ClientOptions {
  /** The text of a request, without its line end. */
  readonly message: string
  /**
   * Returns the bytes of the next request, instead of `message`: a line with its line end in a text protocol, or the payload of a frame.
   * The buffer must not change until the reply is complete.
   */
  readonly nextRequest?: () => Buffer
  /** Text that the server is expected to write before each line; empty for a server that only echoes. */
  readonly greeting: string
  /** Whether a text server sends a banner line first. */
  readonly banner: boolean
  /** Maximum payload of a PONG, in bytes. */
  readonly maxMessage: number
}

/** Messages of a server other than replies. */
export interface ClientEvents {
  hello?(info: Readonly<Record<string, unknown>>): void
  /** The server asks the client to reconnect elsewhere; it closes this connection after `graceMs`. */
  goAway?(reason: string, graceMs: number): void
  /**
   * The times in a PONG, in µs on the server's monotonic clock: when the PING's last byte was read, when the PONG's trailer was
   * written, and for how long the event loop was blocked before that read.
   */
  serverTimes?(receivedUs: number, sentUs: number, stalledUs: number): void
  /** How an earlier connection ended according to the server: the reply to `last`. */
  ended?(connection: EndedConnection): void
  /** The counters of both ends, when the connection ends. */
  totals?(client: ConnectionTotals, server: ConnectionTotals): void
}

export interface ConnectionTotals {
  readonly pings: number
  readonly receivedBytes: number
  readonly sentBytes: number
  /** Frames with an invalid checksum. */
  readonly corrupt: number
}

/**
 * Bytes to send. A string has one byte per character (latin1): V8 joins many short strings several times faster than Node copies them
 * into a Buffer. A list is sent in one write.
 */
export type Bytes = Buffer | string | readonly Buffer[]

/** The server side of one connection: takes each read and returns the reply to it. */
export interface ServerCodec {
  /** Messages received so far. */
  readonly messages: number
  /** Messages with an invalid checksum. */
  readonly corrupt?: number
  /** True between the first and the last byte of a message, when the connection should not be closed. */
  readonly midMessage: boolean
  /** True after the last reply that the protocol allows; the connection can then be closed. */
  readonly finished?: boolean
  /** The rest of the last chunk, if its whole reply would be too large: pass it to `receive` once the peer has read the current reply. */
  readonly pending?: Buffer | undefined
  /** Returns the bytes that the server sends first. */
  open?(): Bytes
  /**
   * Takes the bytes of one read and returns the reply, if any. The codec may change the chunk, and the reply may share its memory.
   * @throws {ProtocolError} with a `reply` to send before closing
   */
  receive(chunk: Buffer): Bytes | undefined
  /** Called with the reply that `receive` has just returned if the kernel has accepted all of it: its memory may be reused. */
  sent?(reply: Bytes | undefined): void
  /** Returns the next block of an endless reply, to be sent as fast as the peer reads. */
  produce?(): Buffer
  /**
   * Asks the peer to close and reconnect elsewhere. Empty while a reply is being forwarded: the message then follows that reply.
   * Without this method, the connection is closed when it is idle.
   */
  goAway?(reason: string, graceMs: number): Bytes
}

/** The client side of one connection: creates requests and validates replies, which arrive in the order of the requests. */
export interface ClientCodec {
  /** True if the server never replies: an exchange succeeds once the kernel has accepted the request. */
  readonly oneWay: boolean
  /** True if the server sends without end: the client reads only during an exchange. */
  readonly pulls?: boolean
  /** The expected reply as text for logs; undefined if it has no text. */
  readonly replyText: string | undefined
  /** True until the server's first message has arrived; requests wait for it. */
  readonly opening: boolean
  /** Returns the bytes of the next request. */
  request(): Buffer
  /** Returns the bytes of this many requests, which must not be changed; undefined if they are too many. Absent where requests vary. */
  repeated?(count: number): Buffer | undefined
  /**
   * Validates received bytes without keeping them: the caller may reuse the chunk.
   * @returns the number of replies completed by these bytes
   * @throws {WrongReply} if they differ from the expected reply
   * @throws {Rejected} if the server rejected the connection
   * @throws {ProtocolError} if they are invalid in this protocol
   */
  receive(chunk: Buffer): number
  /** Returns a request for how an earlier connection ended; the `ended` event carries the answer. */
  last?(boot: string, connection: number): Buffer
  /** Returns the message that asks the server to close. Protocols without this method use a half-close instead. */
  goodbye?(): Buffer
}
