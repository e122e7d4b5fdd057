import { crc32 } from '../crc.ts'
import { ProtocolError } from '../errors.ts'
import { encodeFrame } from './frame.ts'

/** Maximum length of a string in a message, in characters: that of a host name. Longer ones are truncated. */
const MAX_TEXT_LENGTH = 253

/** Initial buffer size for a payload that arrives in parts: a peer that announces much and sends little costs little memory. */
const FIRST_BYTES = 256

const NO_BYTES = Buffer.alloc(0)

/** Encodes a frame with a JSON payload. */
export function encodeMessage(type: number, fields: object): Buffer {
  return encodeFrame(type, 0, Buffer.from(JSON.stringify(fields)))
}

/** The fields of a JSON payload, each validated when read. */
export class Message {
  readonly fields: Readonly<Record<string, unknown>>
  readonly #type: number

  constructor(type: number, fields: Readonly<Record<string, unknown>>) {
    this.#type = type
    this.fields = fields
  }

  /** @throws {ProtocolError} if the field is absent or not a string */
  text(name: string): string {
    const value = this.fields[name]
    if (typeof value !== 'string') throw invalidPayload(this.#type, `"${name}" must be a string`)
    return value.slice(0, MAX_TEXT_LENGTH)
  }

  /** @throws {ProtocolError} if the field is absent or not a number */
  number(name: string): number {
    const value = this.fields[name]
    if (typeof value !== 'number') throw invalidPayload(this.#type, `"${name}" must be a number`)
    return value
  }
}

/** Collects the payload of one frame at a time; FrameReader limits its size. */
export class MessageReader {
  #type = 0
  #bytes: Buffer = NO_BYTES
  #length = 0

  begin(type: number): void {
    this.#type = type
    this.#length = 0
  }

  /** Copies a part of the payload. */
  add(chunk: Buffer, start: number, end: number): void {
    const length = this.#length + end - start
    if (length > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, 2 * length))
      this.#bytes.copy(grown, 0, 0, this.#length)
      this.#bytes = grown
    }
    this.#length += chunk.copy(this.#bytes, this.#length, start, end)
  }

  /**
   * Returns the payload and releases its memory.
   * @throws {ProtocolError} if the checksum is invalid
   */
  take(crc: number): Buffer {
    const payload = this.#bytes.subarray(0, this.#length)
    this.#bytes = NO_BYTES
    if (crc32(payload, 0, payload.length) !== crc) throw invalidPayload(this.#type, 'invalid checksum')
    return payload
  }

  /** @throws {ProtocolError} if the checksum is invalid or the payload is not a JSON object */
  takeMessage(crc: number): Message {
    const payload = this.take(crc)
    try {
      const value: unknown = JSON.parse(payload.toString())
      if (typeof value === 'object' && value !== null) return new Message(this.#type, value as Record<string, unknown>)
    } catch {
      // The error below must not quote the peer.
    }
    throw invalidPayload(this.#type, 'must be a JSON object')
  }
}

function invalidPayload(type: number, problem: string): ProtocolError {
  return new ProtocolError('frame_payload', `invalid payload of frame type ${type}: ${problem}`)
}
