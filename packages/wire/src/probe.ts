import { crc32 } from 'node:zlib'
import {
  decodeMessage,
  encodeFrame,
  encodeMessage,
  type Frame,
  FrameReader,
  FrameType,
  isIntact,
  mendCrc,
  payloadOf,
  setType,
  wrongPayload,
} from './frame.ts'
import {
  type Bytes,
  type ClientCodec,
  type ClientEvents,
  type ClientOptions,
  type ConnectionInfo,
  type ConnectionTotals,
  type Protocol,
  ProtocolError,
  Rejected,
  type ServerCodec,
  type ServerOptions,
  WrongReply,
} from './protocol.ts'

/** Version 1 of the protocol: docs/protocol.md states it for those who write the other end. */
const VERSION = 1
/** Ids are u32 and begin again behind the last one. */
const IDS = 2 ** 32
/** As long as a host name may be. */
const MAX_TEXT_LENGTH = 253

class Server implements ServerCodec {
  messages = 0
  corrupt = 0
  ended = false
  readonly #info: () => ConnectionInfo
  readonly #frames: FrameReader
  #receivedBytes = 0
  #sentBytes = 0
  #replies: Buffer[] = []

  constructor({ maxMessage }: ServerOptions, info: () => ConnectionInfo) {
    this.#info = info
    this.#frames = new FrameReader(maxMessage, frame => this.#answer(frame))
  }

  get midMessage(): boolean {
    return this.#frames.midFrame
  }

  open(): Bytes {
    return this.#count(encodeMessage(FrameType.hello, { version: VERSION, ...this.#info() }))
  }

  receive(chunk: Buffer): Bytes | undefined {
    this.#receivedBytes += chunk.length
    this.#frames.read(chunk)
    const replies = this.#replies
    if (replies.length === 0) return undefined
    this.#replies = []
    return replies.length === 1 ? replies[0] : replies
  }

  goAway(reason: string, graceMs: number): Bytes {
    return this.#count(encodeMessage(FrameType.goAway, { reason, graceMs }))
  }

  #answer(frame: Frame): void {
    if (this.ended) throw new ProtocolError('frame_type', 'nothing may come behind BYE')
    if (frame.type === FrameType.ping) this.#pong(frame)
    else if (frame.type === FrameType.bye) this.#summarise()
    else throw new ProtocolError('frame_type', `a client sends no frames of type ${frame.type}`)
  }

  /** The reply to a PING is the very bytes that came, under another type: nothing is copied. */
  #pong(frame: Frame): void {
    this.messages++
    setType(frame, FrameType.pong)
    if (!isIntact(frame)) {
      this.corrupt++
      // The crc tells of this frame's way: what was corrupt when it came is sent back as it is, under a crc that is right again.
      mendCrc(frame)
    }
    for (const piece of frame.pieces) this.#reply(piece)
  }

  #summarise(): void {
    this.ended = true
    const { messages: pings, corrupt } = this
    const totals = { pings, receivedBytes: this.#receivedBytes, sentBytes: this.#sentBytes, corrupt }
    this.#reply(encodeMessage(FrameType.summary, totals))
  }

  /** Frames that came in one read lie side by side, and their replies go out as one piece. */
  #reply(piece: Buffer): void {
    this.#count(piece)
    const last = this.#replies.at(-1)
    if (last !== undefined && last.buffer === piece.buffer && last.byteOffset + last.length === piece.byteOffset) {
      this.#replies[this.#replies.length - 1] = Buffer.from(last.buffer, last.byteOffset, last.length + piece.length)
    } else {
      this.#replies.push(piece)
    }
  }

  #count(bytes: Buffer): Buffer {
    this.#sentBytes += bytes.length
    return bytes
  }
}

/** The payload of a PING; where all are the same, there is one of these. */
interface Asked {
  readonly payload: Buffer
  readonly crc: number
}

class Client implements ClientCodec {
  readonly oneWay = false
  readonly replyText: string
  opening = true
  readonly #events: ClientEvents
  readonly #frames: FrameReader
  readonly #nextPayload: () => Buffer
  /** What was asked last, and all that was asked and not yet answered, in order. */
  #asked: Asked = { payload: Buffer.alloc(0), crc: 0 }
  readonly #awaited: Asked[] = []
  #nextId = 0
  #awaitedId = 0
  #completed = 0
  #pings = 0
  #corrupt = 0
  #receivedBytes = 0
  #sentBytes = 0

  constructor({ message, nextRequest, maxMessage }: ClientOptions, events: ClientEvents) {
    this.#events = events
    const payload = Buffer.from(message)
    this.#nextPayload = nextRequest ?? (() => payload)
    this.replyText = message
    this.#frames = new FrameReader(maxMessage, frame => this.#take(frame), true)
  }

  request(): Buffer {
    const payload = this.#nextPayload()
    if (payload !== this.#asked.payload) this.#asked = { payload, crc: crc32(payload) }
    this.#awaited.push(this.#asked)
    const frame = encodeFrame(FrameType.ping, this.#nextId, payload, this.#asked.crc)
    this.#nextId = (this.#nextId + 1) % IDS
    this.#pings++
    this.#sentBytes += frame.length
    return frame
  }

  receive(chunk: Buffer): number {
    this.#completed = 0
    this.#frames.read(chunk)
    return this.#completed
  }

  goodbye(): Buffer {
    const frame = encodeFrame(FrameType.bye, 0, Buffer.alloc(0))
    this.#sentBytes += frame.length
    return frame
  }

  #take(frame: Frame): void {
    if (frame.type !== FrameType.summary) for (const piece of frame.pieces) this.#receivedBytes += piece.length
    if (frame.type === FrameType.pong && !this.opening) this.#judge(frame)
    else if (frame.type === FrameType.hello && this.opening) {
      const { version, ...info } = decodeMessage(frame)
      if (version !== VERSION)
        throw new ProtocolError('frame_payload', `the server speaks version ${version}, this client ${VERSION}`)
      const server = textOf(frame, info.server)
      this.opening = false
      this.#events.hello?.({ ...info, server })
    } else if (frame.type === FrameType.reject && this.opening) {
      throw new Rejected(textOf(frame, decodeMessage(frame).reason))
    } else if (frame.type === FrameType.goAway) {
      const { reason, graceMs } = decodeMessage(frame)
      this.#events.goAway?.(textOf(frame, reason), numberOf(frame, graceMs))
    } else if (frame.type === FrameType.summary) {
      this.#events.totals?.(this.#totals(), totalsOf(frame))
    } else throw new ProtocolError('frame_type', `no frame of type ${frame.type} was to come now`)
  }

  #totals(): ConnectionTotals {
    return { pings: this.#pings, receivedBytes: this.#receivedBytes, sentBytes: this.#sentBytes, corrupt: this.#corrupt }
  }

  #judge(frame: Frame): void {
    const awaited = this.#awaited.shift()
    if (awaited === undefined)
      throw new WrongReply(Buffer.alloc(0), payloadOf(frame), 'a reply that nobody asked for: ', this.#completed)
    const intact = isIntact(frame)
    if (!intact) this.#corrupt++
    if (!intact)
      throw new WrongReply(awaited.payload, payloadOf(frame), 'corrupted on the way from the server: ', this.#completed)
    if (frame.crc !== awaited.crc)
      throw new WrongReply(awaited.payload, payloadOf(frame), 'corrupted on the way to the server: ', this.#completed)
    if (frame.id !== this.#awaitedId)
      throw new WrongReply(awaited.payload, payloadOf(frame), `id ${frame.id} instead of ${this.#awaitedId}: `, this.#completed)
    this.#awaitedId = (this.#awaitedId + 1) % IDS
    this.#completed++
  }
}

/** A text of a message, cut to a length that a log can bear. */
function textOf(frame: Frame, value: unknown): string {
  if (typeof value !== 'string') throw wrongPayload(frame)
  return value.slice(0, MAX_TEXT_LENGTH)
}

function numberOf(frame: Frame, value: unknown): number {
  if (typeof value !== 'number') throw wrongPayload(frame)
  return value
}

function totalsOf(frame: Frame): ConnectionTotals {
  const { pings, receivedBytes, sentBytes, corrupt } = decodeMessage(frame)
  return {
    pings: numberOf(frame, pings),
    receivedBytes: numberOf(frame, receivedBytes),
    sentBytes: numberOf(frame, sentBytes),
    corrupt: numberOf(frame, corrupt),
  }
}

/** Frames with ids and checksums: lets a client see more than bytes (docs/protocol.md). */
export const probe: Protocol = {
  defaultPort: 7000,
  text: false,
  serverCodec: (options, info) => new Server(options, info),
  reject: (reason, limit) => encodeMessage(FrameType.reject, { reason, limit }),
  clientCodec: (options, events) => new Client(options, events),
}
