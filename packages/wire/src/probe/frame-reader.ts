import { ProtocolError } from '../errors.ts'
import {
  CRC_BYTES,
  FrameType,
  HEADER_BYTES,
  ID_OFFSET,
  LENGTH_BYTES,
  MAX_JSON_BYTES,
  PONG_TRAILER_BYTES,
  TYPE_OFFSET,
} from './frame.ts'

/** Receives frames as they arrive: `begin`, then the payload in any number of parts (none if it is empty), then `end`. */
export interface FrameHandler {
  /** @param offset of the whole header in the chunk */
  begin(type: number, chunk: Buffer, offset: number, id: number, payloadBytes: number): void
  payload(chunk: Buffer, start: number, end: number): void
  /** @param offset of the whole trailer in the chunk */
  end(chunk: Buffer, offset: number): void
}

/**
 * Finds frames in a byte stream, however it is split. Payloads pass through: only an incomplete header or trailer is kept between
 * reads, never more than a trailer's length.
 */
export class FrameReader {
  readonly #handler: FrameHandler
  readonly #maxPayloadBytes: number
  #incomplete: Buffer | undefined
  #inFrame = false
  #payloadMissing = 0
  #trailerBytes = 0

  /** @param maxPayloadBytes of a PING or PONG; a longer frame is rejected when its header arrives */
  constructor(maxPayloadBytes: number, handler: FrameHandler) {
    this.#maxPayloadBytes = maxPayloadBytes
    this.#handler = handler
  }

  /** True between the first and the last byte of a frame. */
  get midFrame(): boolean {
    return this.#inFrame || this.#incomplete !== undefined
  }

  /** Returns the chunk with the incomplete header or trailer before it: the bytes to pass to `read`. */
  join(chunk: Buffer): Buffer {
    if (this.#incomplete === undefined) return chunk
    const bytes = Buffer.concat([this.#incomplete, chunk])
    this.#incomplete = undefined
    return bytes
  }

  /** Returns the number of frames that end in these bytes, or more if one of them is invalid. */
  countEnds(bytes: Buffer): number {
    let ends = 0
    let end = 0
    if (this.#inFrame) {
      end = this.#payloadMissing + this.#trailerBytes
      if (end > bytes.length) return 0
      ends = 1
    }
    while (end + HEADER_BYTES <= bytes.length) {
      end += LENGTH_BYTES + bytes.readUInt32BE(end)
      if (end > bytes.length) break
      ends++
    }
    return ends
  }

  /**
   * Passes the bytes that `join` returned to the handler.
   * @throws {ProtocolError} for an invalid length
   */
  read(bytes: Buffer): void {
    let offset = 0
    for (;;) {
      if (!this.#inFrame) {
        if (bytes.length - offset < HEADER_BYTES) break
        this.#begin(bytes, offset)
        offset += HEADER_BYTES
      }
      const end = Math.min(offset + this.#payloadMissing, bytes.length)
      if (end > offset) {
        this.#payloadMissing -= end - offset
        this.#handler.payload(bytes, offset, end)
        offset = end
      }
      if (this.#payloadMissing > 0 || bytes.length - offset < this.#trailerBytes) break
      this.#inFrame = false
      this.#handler.end(bytes, offset)
      offset += this.#trailerBytes
    }
    // Copied outside Node's buffer pool: a view would keep the whole chunk or pool alive.
    if (offset < bytes.length) {
      const incomplete = Buffer.allocUnsafeSlow(bytes.length - offset)
      bytes.copy(incomplete, 0, offset)
      this.#incomplete = incomplete
    }
  }

  #begin(bytes: Buffer, offset: number): void {
    const length = bytes.readUInt32BE(offset)
    const type = bytes[offset + TYPE_OFFSET] ?? 0
    const trailerBytes = type === FrameType.pong ? PONG_TRAILER_BYTES : CRC_BYTES
    const minimum = HEADER_BYTES - LENGTH_BYTES + trailerBytes
    const maxPayloadBytes = type === FrameType.ping || type === FrameType.pong ? this.#maxPayloadBytes : MAX_JSON_BYTES
    if (length < minimum || length > minimum + maxPayloadBytes) {
      throw new ProtocolError(
        length < minimum ? 'frame_too_short' : 'frame_too_long',
        `invalid frame length ${length}: must be from ${minimum} to ${minimum + maxPayloadBytes}`,
      )
    }
    this.#inFrame = true
    this.#payloadMissing = length - minimum
    this.#trailerBytes = trailerBytes
    this.#handler.begin(type, bytes, offset, bytes.readUInt32BE(offset + ID_OFFSET), this.#payloadMissing)
  }
}
