/**
 * An application protocol without the connection: codecs turn bytes into bytes and know nothing of sockets, timers, logs or metrics.
 * Both codecs of a protocol are reached through one object, so that a protocol changes in one place.
 */
export interface Protocol {
  /** The port of an endpoint URL that has none. */
  readonly defaultPort: number
  /** True for protocols that people read: a banner line may precede everything else. */
  readonly text: boolean
  /** Creates the server's codec for a new connection. `context` gives the codec what only the server's process knows. */
  serverCodec(options: ServerOptions, info: () => ConnectionInfo, context?: ServerContext): ServerCodec
  /** The bytes that tell a client why its connection is rejected; absent in protocols that have no such message. */
  reject?(reason: string, limit: number | null): Buffer
  /** Creates the client's codec for a new connection. */
  clientCodec(options: ClientOptions, events: ClientEvents): ClientCodec
}

export interface ServerOptions {
  /** What `greet` writes before each line. */
  readonly greeting: string
  /** Maximum payload of a PING, in bytes. */
  readonly maxMessage: number
}

/** What a server tells a client about itself and their connection. */
export interface ConnectionInfo {
  /** The identity of this server among its replicas. */
  readonly server: string
  readonly release: string
  /** Random; differs for each process. */
  readonly boot?: string
  /** Unique among all connections of that process. */
  readonly connection?: number
  readonly listener: string
  readonly address: string
  readonly peer: string | undefined
  /** The proxy's address, where a PROXY header gave the peer's. */
  readonly via?: string | undefined
  /** Open connections of this listener, this one included. */
  readonly connections: number
  /** The most connections that this listener accepts; null = no limit. */
  readonly limit: number | null
}

/** What a server's codec asks of its process. Without it, times count from the start of the process and no earlier connection is known. */
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

/** An earlier connection as the server knows it. */
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
   * Returns the bytes of the next request, in place of `message`: a line with its line end in a text protocol, a payload in frames.
   * The buffer must not change until the reply is complete.
   */
  readonly nextRequest?: () => Buffer
  /** What the server is expected to write before each line; empty for a server that echoes. */
  readonly greeting: string
  /** Whether a text server sends a banner line first. */
  readonly banner: boolean
  /** Maximum payload of a PONG, in bytes. */
  readonly maxMessage: number
}

/** What a server tells a client besides replies. */
export interface ClientEvents {
  hello?(info: Readonly<Record<string, unknown>>): void
  /** The server asks the client to reconnect elsewhere; it closes this connection after `graceMs`. */
  goAway?(reason: string, graceMs: number): void
  /**
   * The times of each PONG, in µs on the server's monotonic clock: when the PING's last byte was read, when the PONG's trailer was
   * written, and for how long the event loop was blocked before that read.
   */
  serverTimes?(receivedUs: number, sentUs: number, stalledUs: number): void
  /** How the server saw an earlier connection end: the reply to `last`. */
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
 * Bytes to send. A string holds one byte per character (latin1): V8 joins many short strings several times faster than Node copies
 * into a Buffer. A list is sent in one write.
 */
export type Bytes = Buffer | string | readonly Buffer[]

/** The server's end of one connection: takes each read and returns the reply to it. */
export interface ServerCodec {
  /** Messages received so far. */
  readonly messages: number
  /** Messages with an invalid checksum. */
  readonly corrupt?: number
  /** True between the first and the last byte of a message, when a connection should not be closed. */
  readonly midMessage: boolean
  /** True after the last reply that the protocol allows: the connection can be closed. */
  readonly finished?: boolean
  /** The part of the last chunk whose reply would have been too large: pass it to `receive` once the peer has read the current reply. */
  readonly pending?: Buffer | undefined
  /** Returns what the server sends first. */
  open?(): Bytes
  /**
   * Takes the bytes of one read and returns the reply, if any. The codec may change the chunk, and the reply may share its memory.
   * @throws {ProtocolError} whose `reply` is still to be sent
   */
  receive(chunk: Buffer): Bytes | undefined
  /** Returns the next block of an endless reply, to be sent as fast as the peer reads. */
  produce?(): Buffer
  /**
   * Asks the peer to close and reconnect elsewhere; empty while a reply is being forwarded, whose end the message then follows.
   * Without this method, the connection is closed when it is idle.
   */
  goAway?(reason: string, graceMs: number): Bytes
}

/** The client's end of one connection: creates requests and validates replies, which arrive in the order of the requests. */
export interface ClientCodec {
  /** True if the server never replies: a request is complete as soon as the kernel has taken it. */
  readonly oneWay: boolean
  /** True if the server sends without end: the client reads only during an exchange. */
  readonly pulls?: boolean
  /** The expected reply as text for logs; undefined where it has none. */
  readonly replyText: string | undefined
  /** True until the server's first message has arrived; requests wait for it. */
  readonly opening: boolean
  /** Returns the bytes of the next request. */
  request(): Buffer
  /**
   * Validates received bytes and keeps none of them: the caller may reuse the chunk.
   * @returns the number of replies that they completed
   * @throws {WrongReply} if they differ from the expected reply
   * @throws {Rejected} if the server rejects the connection
   * @throws {ProtocolError} if they are not valid in this protocol
   */
  receive(chunk: Buffer): number
  /** Returns the question how an earlier connection ended; the event `ended` has the answer. */
  last?(boot: string, connection: number): Buffer
  /** Returns the message that ends the connection; the server then closes. Without this method, a half-close does the same. */
  goodbye?(): Buffer
}
