import { crc32 } from '../crc.ts'
import { ProtocolError, Rejected, WrongReply } from '../errors.ts'
import type { ClientCodec, ClientEvents, ClientOptions, ConnectionTotals } from '../protocol.ts'
import { decodeEnded, decodeTotals } from './decode.ts'
import { Difference } from './difference.ts'
import { CRC_BYTES, encodeFrame, FrameType, HEADER_BYTES, PONG_TRAILER_BYTES, readUInt64, TIMES_BYTES } from './frame.ts'
import { type FrameHandler, FrameReader } from './frame-reader.ts'
import { encodeMessage, type Message, MessageReader } from './message.ts'
import { VERSION } from './version.ts'

/** Ids are u32 and wrap around to 0. */
const IDS = 2 ** 32

const NO_BYTES = Buffer.alloc(0)

/** A payload with its crc32, shared by requests with the same payload. */
interface Payload {
  readonly bytes: Buffer
  readonly crc: number
}

/**
 * The client side of probe. PONGs are validated as they arrive, without copying: their payload is compared with that of the PING. The
 * first difference is recorded, and the checksum in the trailer then shows in which direction the payload was corrupted.
 */
export class ProbeClient implements ClientCodec, FrameHandler {
  readonly oneWay = false
  readonly replyText: string
  opening = true
  readonly #events: ClientEvents
  readonly #frames: FrameReader
  readonly #message = new MessageReader()
  readonly #nextPayload: () => Buffer
  #payload: Payload = { bytes: NO_BYTES, crc: 0 }
  readonly #outstanding: Payload[] = []
  #type = 0
  #frameBytes = 0
  /** Of the current PONG: the expected payload, how much of it has arrived, and the first difference. */
  #expected = this.#payload
  #position = 0
  #difference: Difference | undefined
  #nextId = 0
  #expectedId = 0
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
    this.#frames = new FrameReader(maxMessage, this)
  }

  request(): Buffer {
    const bytes = this.#nextPayload()
    if (bytes !== this.#payload.bytes) this.#payload = { bytes, crc: crc32(bytes, 0, bytes.length) }
    this.#outstanding.push(this.#payload)
    const id = this.#nextId
    this.#nextId = (id + 1) % IDS
    this.#pings++
    return this.#sent(encodeFrame(FrameType.ping, id, bytes, this.#payload.crc))
  }

  receive(chunk: Buffer): number {
    this.#completed = 0
    this.#frames.read(this.#frames.join(chunk))
    return this.#completed
  }

  last(boot: string, connection: number): Buffer {
    return this.#sent(encodeMessage(FrameType.last, { boot, connection }))
  }

  goodbye(): Buffer {
    return this.#sent(encodeFrame(FrameType.bye, 0, NO_BYTES))
  }

  begin(type: number, chunk: Buffer, offset: number, id: number, payloadBytes: number): void {
    this.#type = type
    if (type === FrameType.pong && !this.opening) {
      this.#frameBytes = HEADER_BYTES + payloadBytes + PONG_TRAILER_BYTES
      const received = offset + HEADER_BYTES
      this.#beginPong(id, payloadBytes, chunk.subarray(received, received + payloadBytes))
      return
    }
    const expected = this.opening ? type === FrameType.hello || type === FrameType.reject : AFTER_HELLO.has(type)
    if (!expected) throw new ProtocolError('frame_type', `unexpected frame type ${type}`)
    this.#frameBytes = HEADER_BYTES + payloadBytes + CRC_BYTES
    this.#message.begin(type)
  }

  payload(chunk: Buffer, start: number, end: number): void {
    if (this.#type !== FrameType.pong) {
      this.#message.add(chunk, start, end)
      return
    }
    const position = this.#position
    this.#position += end - start
    if (this.#difference === undefined) {
      const { bytes } = this.#expected
      if (chunk.compare(bytes, position, this.#position, start, end) === 0) return
      this.#difference = new Difference(bytes, position, chunk, start)
    }
    this.#difference.add(chunk, start, end)
  }

  end(chunk: Buffer, offset: number): void {
    if (this.#type !== FrameType.summary) this.#receivedBytes += this.#frameBytes
    if (this.#type === FrameType.pong) this.#endPong(chunk, offset)
    else this.#take(this.#message.takeMessage(chunk.readUInt32BE(offset)))
  }

  /** The checksum covers neither the id nor the length: a wrong one does not reveal the direction. */
  #beginPong(id: number, payloadBytes: number, received: Buffer): void {
    const expected = this.#outstanding.shift()
    if (expected === undefined) throw new WrongReply(NO_BYTES, received, 'unexpected reply: ', this.#completed)
    const wrong =
      id !== this.#expectedId
        ? `id ${id} instead of ${this.#expectedId}: `
        : payloadBytes !== expected.bytes.length
          ? `${payloadBytes} bytes instead of ${expected.bytes.length}: `
          : undefined
    if (wrong !== undefined) throw new WrongReply(expected.bytes, received, wrong, this.#completed)
    this.#expectedId = (id + 1) % IDS
    this.#expected = expected
    this.#position = 0
  }

  #endPong(chunk: Buffer, offset: number): void {
    const crcOffset = offset + TIMES_BYTES
    const receivedCrc = chunk.readUInt32BE(crcOffset)
    // Equal payloads have equal checksums: only the times remain to be added.
    const crc = crc32(chunk, offset, crcOffset, this.#difference?.crc ?? this.#expected.crc)
    if (crc !== receivedCrc || this.#difference !== undefined) throw this.#corrupted(crc, receivedCrc)
    this.#completed++
    this.#events.serverTimes?.(readUInt64(chunk, offset), readUInt64(chunk, offset + 8), chunk.readUInt32BE(offset + 16))
  }

  #corrupted(crc: number, receivedCrc: number): WrongReply {
    const intact = crc === receivedCrc
    if (!intact) this.#corrupt++
    if (this.#difference !== undefined) return this.#difference.toError(intact, this.#completed)
    const text = (value: number) => Buffer.from(`crc32 ${value.toString(16).padStart(8, '0')}`)
    const context = 'corrupted on the way from the server: '
    return new WrongReply(text(crc), text(receivedCrc), context, this.#completed, 'from_server')
  }

  #take(message: Message): void {
    switch (this.#type) {
      case FrameType.hello:
        this.#open(message)
        break
      case FrameType.reject:
        throw new Rejected(message.text('reason'))
      case FrameType.goAway: {
        const [reason, graceMs] = [message.text('reason'), message.number('graceMs')]
        this.#events.goAway?.(reason, graceMs)
        break
      }
      case FrameType.ended: {
        const ended = decodeEnded(message)
        this.#events.ended?.(ended)
        break
      }
      default: {
        const server = decodeTotals(message)
        this.#events.totals?.(this.#totals(), server)
      }
    }
  }

  #open(message: Message): void {
    const { version, ...info } = message.fields
    if (version !== VERSION) {
      throw new ProtocolError(
        'frame_payload',
        `unsupported protocol version ${JSON.stringify(version)?.slice(0, 20)}: must be ${VERSION}`,
      )
    }
    const server = message.text('server')
    this.opening = false
    this.#events.hello?.({ ...info, server })
  }

  #totals(): ConnectionTotals {
    return { pings: this.#pings, receivedBytes: this.#receivedBytes, sentBytes: this.#sentBytes, corrupt: this.#corrupt }
  }

  #sent(frame: Buffer): Buffer {
    this.#sentBytes += frame.length
    return frame
  }
}

const AFTER_HELLO = new Set<number>([FrameType.goAway, FrameType.summary, FrameType.ended])
