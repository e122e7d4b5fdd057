import { performance } from 'node:perf_hooks'
import { crc32 } from '../crc.ts'
import { ProtocolError } from '../errors.ts'
import type { Bytes, ConnectionInfo, ServerClock, ServerCodec, ServerContext, ServerOptions } from '../protocol.ts'
import { replyMemory } from '../reply-memory.ts'
import { FrameType, HEADER_BYTES, TIMES_BYTES, TYPE_OFFSET } from './frame.ts'
import { type FrameHandler, FrameReader } from './frame-reader.ts'
import { encodeMessage, MessageReader } from './message.ts'
import { ReplyBuilder } from './reply-builder.ts'
import { VERSION } from './version.ts'

const processClock: ServerClock = {
  nowUs: () => Math.floor(performance.now() * 1_000),
  stalledUs: () => 0,
}

/** Shared by all connections, because it is empty between calls of `receive`. */
const reply = new ReplyBuilder()

const NO_BYTES = Buffer.alloc(0)

/**
 * The server side of probe. A PING is turned into its PONG as it arrives: the header is changed in place, the payload is forwarded, and
 * the checksum is replaced by the PONG's trailer. Frames are never reassembled.
 */
export class ProbeServer implements ServerCodec, FrameHandler {
  messages = 0
  corrupt = 0
  finished = false
  readonly #info: () => ConnectionInfo
  readonly #context: ServerContext
  readonly #clock: ServerClock
  readonly #frames: FrameReader
  readonly #message = new MessageReader()
  #type = 0
  /** True from a PING's header to its trailer, when no other frame may be sent. */
  #forwarding = false
  #goAway: Buffer | undefined
  #crc = 0
  #receivedUs = 0
  #stalledUs = 0
  #receivedBytes = 0
  #sentBytes = 0

  constructor({ maxMessage }: ServerOptions, info: () => ConnectionInfo, context: ServerContext = {}) {
    this.#info = info
    this.#context = context
    this.#clock = context.clock ?? processClock
    this.#frames = new FrameReader(maxMessage, this)
  }

  get midMessage(): boolean {
    return this.#frames.midFrame
  }

  open(): Bytes {
    const hello = encodeMessage(FrameType.hello, { version: VERSION, ...this.#info() })
    this.#sentBytes += hello.length
    return hello
  }

  receive(chunk: Buffer): Bytes | undefined {
    this.#receivedUs = this.#clock.nowUs()
    this.#stalledUs = this.#clock.stalledUs()
    this.#receivedBytes += chunk.length
    const bytes = this.#frames.join(chunk)
    reply.start(bytes, this.#frames.countEnds(bytes))
    try {
      this.#frames.read(bytes)
    } catch (error) {
      const toSend = this.#takeReply()
      if (error instanceof ProtocolError) error.reply = toSend
      throw error
    }
    return this.#takeReply()
  }

  sent(sentReply: Bytes | undefined): void {
    replyMemory.giveBack(sentReply)
  }

  goAway(reason: string, graceMs: number): Bytes {
    const frame = encodeMessage(FrameType.goAway, { reason, graceMs })
    if (this.#forwarding) {
      this.#goAway = frame
      return NO_BYTES
    }
    this.#sentBytes += frame.length
    return frame
  }

  begin(type: number, chunk: Buffer, offset: number): void {
    if (this.finished) throw new ProtocolError('frame_type', `unexpected frame type ${type} after BYE`)
    this.#type = type
    if (type === FrameType.ping) {
      this.#crc = 0
      this.#forwarding = true
      chunk.writeUInt32BE(chunk.readUInt32BE(offset) + TIMES_BYTES, offset)
      chunk[offset + TYPE_OFFSET] = FrameType.pong
      reply.forward(offset, offset + HEADER_BYTES)
    } else if (type === FrameType.last || type === FrameType.bye) {
      this.#message.begin(type)
    } else throw new ProtocolError('frame_type', `unexpected frame type ${type}`)
  }

  payload(chunk: Buffer, start: number, end: number): void {
    if (!this.#forwarding) {
      this.#message.add(chunk, start, end)
      return
    }
    this.#crc = crc32(chunk, start, end, this.#crc)
    reply.forward(start, end)
  }

  end(chunk: Buffer, offset: number): void {
    const crc = chunk.readUInt32BE(offset)
    if (this.#forwarding) this.#endPong(crc)
    else if (this.#type === FrameType.bye) this.#summarise(crc)
    else this.#answerLast(crc)
  }

  /** A corrupt payload is returned as received, with a valid checksum: the PONG's checksum covers only the way back. */
  #endPong(pingCrc: number): void {
    this.messages++
    if (pingCrc !== this.#crc) this.corrupt++
    this.#forwarding = false
    reply.addTrailer(this.#crc, this.#receivedUs, this.#clock.nowUs(), this.#stalledUs)
    if (this.#goAway === undefined) return
    reply.addFrame(this.#goAway)
    this.#goAway = undefined
  }

  #answerLast(crc: number): void {
    const message = this.#message.takeMessage(crc)
    const [boot, connection] = [message.text('boot'), message.number('connection')]
    reply.addFrame(encodeMessage(FrameType.ended, this.#context.lookUp?.(boot, connection) ?? { state: 'unknown' }))
  }

  #summarise(crc: number): void {
    this.#message.take(crc)
    this.finished = true
    const { messages: pings, corrupt } = this
    const sentBytes = this.#sentBytes + reply.bytes
    reply.addFrame(encodeMessage(FrameType.summary, { pings, receivedBytes: this.#receivedBytes, sentBytes, corrupt }))
  }

  #takeReply(): Bytes | undefined {
    this.#sentBytes += reply.bytes
    return reply.take()
  }
}
