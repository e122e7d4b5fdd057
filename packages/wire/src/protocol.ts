/**
 * What is said on a connection, without the connection: a protocol knows bytes and nothing of sockets, timers, logs or metrics.
 * Both halves of a protocol stand in one file, so that it changes in one place.
 */
export interface Protocol {
  /** The port that an endpoint URL without one means. */
  readonly defaultPort: number
  /** True where people read along: a line of text may go before everything else. */
  readonly text: boolean
  /** The server's half for one new connection. */
  serverCodec(options: ServerOptions, info: () => ConnectionInfo): ServerCodec
  /** What a connection is told that will not be served, where the protocol has a word for it. */
  reject?(reason: string, limit: number | null): Buffer
  /** The client's half for one new connection. */
  clientCodec(options: ClientOptions, events: ClientEvents): ClientCodec
}

export interface ServerOptions {
  /** What `greet` puts in front of every line. */
  readonly greeting: string
  /** The most bytes that the payload of a frame may have. */
  readonly maxMessage: number
}

/** What a server can tell a client about itself and their connection. */
export interface ConnectionInfo {
  /** The name of this server among others of its kind. */
  readonly server: string
  readonly release: string
  readonly listener: string
  readonly address: string
  readonly peer: string | undefined
  /** The address of the proxy, where the peer's was told by one. */
  readonly via?: string | undefined
  /** Connections of this listener now, and how many there may be. */
  readonly connections: number
  readonly limit: number | null
}

export interface ClientOptions {
  /** The text of one request, without its line end. */
  readonly message: string
  /**
   * Gives the bytes of each request where they differ, in place of `message`: a line with its line end in a text protocol, a payload
   * in frames. They stay as they are until the reply is there.
   */
  readonly nextRequest?: () => Buffer
  /** What the server is expected to put in front of every line; empty for a server that echoes. */
  readonly greeting: string
  /** Whether a text server sends a line of its own first. */
  readonly banner: boolean
  /** The most bytes that the payload of a frame may have. */
  readonly maxMessage: number
}

/** What a server tells besides replies. */
export interface ClientEvents {
  hello?(info: Readonly<Record<string, unknown>>): void
  /** The server will close, after `graceMs` by force: the next connection is better made now. */
  goAway?(reason: string, graceMs: number): void
  /** Both ends' totals of one connection, at its end. */
  totals?(client: ConnectionTotals, server: ConnectionTotals): void
}

export interface ConnectionTotals {
  readonly pings: number
  readonly receivedBytes: number
  readonly sentBytes: number
  readonly corrupt: number
}

/**
 * Bytes to send. A string holds one byte a character (latin1): where a reply is put together from many pieces, V8 joins strings
 * several times faster than Node copies into a Buffer. A list is sent in one write.
 */
export type Bytes = Buffer | string | readonly Buffer[]

/** What a server does with the bytes of one connection, as they come. */
export interface ServerCodec {
  /** Messages received so far; one that has begun counts. */
  readonly messages: number
  /** Messages that were not as they had been sent. */
  readonly corrupt?: number
  /** True between the first and the last byte of a message: the moments when a connection should not be ended. */
  readonly midMessage: boolean
  /** True when both sides have said all: the connection is to be closed behind the last reply. */
  readonly ended?: boolean
  /** What was left of the last chunk, where its reply would have been too much at once: to be received when the peer has taken that. */
  readonly rest?: Buffer | undefined
  /** What the server says first. */
  open?(): Bytes
  /**
   * Takes what one read brought and gives what is to be written for it, if anything. It may change the chunk, and keep it until the
   * message that it is a part of has ended.
   * @throws {ProtocolError}
   */
  receive(chunk: Buffer): Bytes | undefined
  /** Bytes without an end, as fast as the peer takes them. */
  produce?(): Buffer
  /** Asks the peer to leave by itself. Without a word for that, the connection is ended when nothing is under way. */
  goAway?(reason: string, graceMs: number): Bytes
}

/** How a client asks on one connection, and judges what comes back. Replies come in the order of the requests. */
export interface ClientCodec {
  /** True where nothing comes back by design: a request is answered as soon as the kernel has taken it. */
  readonly oneWay: boolean
  /** True where the server sends without end: between two exchanges nothing is read. */
  readonly pulls?: boolean
  /** What a right reply says, for people; undefined where it says nothing. */
  readonly replyText: string | undefined
  /** True until the server has said what it says first: before that, nothing is asked. */
  readonly opening: boolean
  /** The bytes of the next request. */
  request(): Buffer
  /**
   * Judges bytes that came back. The chunk is the caller's again when this returns.
   * @returns how many requests they completed the replies of
   * @throws {WrongReply} when they are not what must come back
   * @throws {Rejected} when the server will not serve this connection
   * @throws {ProtocolError} when they are not of the protocol
   */
  receive(chunk: Buffer): number
  /** Says that nothing more will be asked; the server then closes. Without it, half-closing says the same. */
  goodbye?(): Buffer
}

/** The bytes that came back are not the ones that had to. The message shows both, cut to a length that a log can bear. */
export class WrongReply extends Error {
  override readonly name = 'WrongReply'
  readonly code = 'WRONG_REPLY'
  /** How many requests the bytes before these, in the same read, completed the replies of. */
  readonly completed: number

  constructor(expected: Buffer, received: Buffer, where = '', completed = 0) {
    const hint = isTlsAlert(received) ? ', a TLS alert: the server speaks TLS' : ''
    super(`${where}expected ${excerpt(expected)}, received ${excerpt(received)}${hint}`)
    this.completed = completed
  }
}

/** The peer does not keep to the protocol. `reason` is one of a closed list. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  readonly code = 'PROTOCOL_ERROR'
  readonly reason: ProtocolErrorReason

  constructor(reason: ProtocolErrorReason, message: string) {
    super(message)
    this.reason = reason
  }
}

export const protocolErrorReasons = ['frame_too_long', 'frame_too_short', 'frame_type', 'frame_payload', 'corrupt'] as const
export type ProtocolErrorReason = (typeof protocolErrorReasons)[number]

/** The server said that it will not serve this connection, and why. */
export class Rejected extends Error {
  override readonly name = 'Rejected'
  readonly code = 'REJECTED'
}

const EXCERPT_BYTES = 64

function excerpt(bytes: Buffer): string {
  if (bytes.length === 0) return 'nothing'
  const text = JSON.stringify(bytes.toString('utf8', 0, EXCERPT_BYTES))
  return bytes.length > EXCERPT_BYTES ? `${text}… (${bytes.length} bytes)` : text
}

/** What a TLS server says to plain bytes: a record of type alert, of any version (RFC 8446, section 5.1). */
function isTlsAlert(bytes: Buffer): boolean {
  return bytes.length >= 2 && bytes[0] === 0x15 && bytes[1] === 0x03
}
