/**
 * What is said on a connection, without the connection: a protocol knows bytes and nothing of sockets, timers, logs or metrics.
 * Both halves of a protocol stand in one file, so that it changes in one place.
 */
export interface Protocol {
  /** The port that an endpoint URL without one means. */
  readonly defaultPort: number
  /** The server's half for one new connection. */
  serve(options: ServeOptions): ServerHalf
  /** The client's half for one new connection. */
  ask(options: AskOptions): ClientHalf
}

export interface ServeOptions {
  /** What `greet` puts in front of every line. */
  readonly greeting: string
}

export interface AskOptions {
  /** The text of one request, without its line end. */
  readonly message: string
  /** What the server is expected to put in front of every line; empty for a server that echoes. */
  readonly greeting: string
}

/**
 * Bytes to send. A string holds one byte a character (latin1): where a reply is put together from many pieces, V8 joins strings
 * several times faster than Node copies into a Buffer.
 */
export type Bytes = Buffer | string

/** What a server does with the bytes of one connection, as they come. */
export interface ServerHalf {
  /** Messages received so far; one that has begun counts. */
  readonly messages: number
  /** True between the first and the last byte of a message: the moments when a connection should not be ended. */
  readonly midMessage: boolean
  /** Takes what one read brought and gives what is to be written for it, if anything. Keeps no reference to the chunk. */
  receive(chunk: Buffer): Bytes | undefined
}

/** How a client asks on one connection, and judges what comes back. Replies come in the order of the requests. */
export interface ClientHalf {
  /** True where nothing comes back by design: a request is answered as soon as the kernel has taken it. */
  readonly oneWay: boolean
  /** What a right reply says, for people; undefined where it says nothing. */
  readonly replyText: string | undefined
  /** The bytes of the next request. */
  request(): Buffer
  /**
   * Judges bytes that came back.
   * @returns how many requests they completed the replies of
   * @throws {WrongReply} when they are not what must come back
   */
  receive(chunk: Buffer): number
}

/** The bytes that came back are not the ones that had to. The message shows both, cut to a length that a log can bear. */
export class WrongReply extends Error {
  override readonly name = 'WrongReply'
  readonly code = 'WRONG_REPLY'
  /** How many requests the bytes before these, in the same read, completed the replies of. */
  readonly completed: number

  constructor(expected: Buffer, received: Buffer, completed = 0) {
    super(`expected ${excerpt(expected)}, received ${excerpt(received)}`)
    this.completed = completed
  }
}

const EXCERPT_BYTES = 64

function excerpt(bytes: Buffer): string {
  if (bytes.length === 0) return 'nothing'
  const text = JSON.stringify(bytes.toString('utf8', 0, EXCERPT_BYTES))
  return bytes.length > EXCERPT_BYTES ? `${text}… (${bytes.length} bytes)` : text
}
