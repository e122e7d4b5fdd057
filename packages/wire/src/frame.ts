import { crc32 } from 'node:zlib'
import { ProtocolError } from './protocol.ts'

/** The types of frames of the probe protocol, version 1. */
export const FrameType = { hello: 1, ping: 2, pong: 3, goAway: 4, reject: 5, bye: 6, summary: 7 } as const

/** length u32, type u8, id u32, crc32 u32, big-endian; `length` counts what follows it. */
export const HEADER_BYTES = 13
const LENGTH_BYTES = 4
const TYPE_OFFSET = 4
const ID_OFFSET = 5
const CRC_OFFSET = 9

/** A frame as it came in. Its bytes are views of what was read: they hold only until the next read. */
export interface Frame {
  readonly type: number
  readonly id: number
  /** What the header says; `isIntact` compares it with the payload. */
  readonly crc: number
  /** The whole frame in pieces as it was cut by the network; the first begins with the whole header. */
  readonly pieces: readonly [Buffer, ...Buffer[]]
}

export function encodeFrame(type: number, id: number, payload: Buffer, crc = crc32(payload)): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length)
  frame.writeUInt32BE(frame.length - LENGTH_BYTES, 0)
  frame[TYPE_OFFSET] = type
  frame.writeUInt32BE(id, ID_OFFSET)
  frame.writeUInt32BE(crc, CRC_OFFSET)
  frame.set(payload, HEADER_BYTES)
  return frame
}

/** A frame whose payload is JSON. */
export function encodeMessage(type: number, message: object): Buffer {
  return encodeFrame(type, 0, Buffer.from(JSON.stringify(message)))
}

/** @throws {ProtocolError} for a payload that is not the JSON of an object, or not intact */
export function decodeMessage(frame: Frame): Record<string, unknown> {
  try {
    const message: unknown = JSON.parse(payloadOf(frame).toString())
    if (isIntact(frame) && typeof message === 'object' && message !== null) return message as Record<string, unknown>
  } catch {
    // Told below, without what the peer wrote.
  }
  throw wrongPayload(frame)
}

/** For a payload that does not say what a frame of its type has to say. */
export function wrongPayload({ type }: Frame): ProtocolError {
  return new ProtocolError('frame_payload', `the payload of a frame of type ${type} is not what it should be`)
}

/** Makes another frame of the same payload and id, in place. */
export function setType(frame: Frame, type: number): void {
  frame.pieces[0][TYPE_OFFSET] = type
}

/** Puts the crc of the payload as it is into the header, in place. */
export function mendCrc(frame: Frame): void {
  frame.pieces[0].writeUInt32BE(payloadCrc(frame), CRC_OFFSET)
}

export function isIntact(frame: Frame): boolean {
  return payloadCrc(frame) === frame.crc
}

function payloadCrc({ pieces: [first, ...others] }: Frame): number {
  let crc = crc32(first.subarray(HEADER_BYTES))
  for (const piece of others) crc = crc32(piece, crc)
  return crc
}

export function payloadOf({ pieces: [first, ...others] }: Frame): Buffer {
  const start = first.subarray(HEADER_BYTES)
  return others.length === 0 ? start : Buffer.concat([start, ...others])
}

/** Pieces shorter than this are copied together: a Buffer of its own for each byte would take a hundred times the memory. */
const SMALL_BYTES = 1_024
const TAIL_BYTES = 4_096
const NO_TAIL = Buffer.alloc(0)

/**
 * Finds the frames in what comes in, however it is cut. Whole frames are views of what was read; of a frame that is not yet whole,
 * large pieces are kept as they came and small ones are put together, so that no more memory is taken than has come in.
 */
export class FrameReader {
  readonly #maxLength: number
  readonly #onFrame: (frame: Frame) => void
  readonly #copies: boolean
  /** The frame that is coming in: bytes so far, their pieces, and the small ones that are being put together behind these. */
  #bytes = 0
  #frameBytes = 0
  #pieces: Buffer[] = []
  #tail = NO_TAIL
  #tailBytes = 0

  /**
   * @param maxPayloadBytes a frame that says it has more is refused as soon as its length is known
   * @param copies true where the memory of a chunk is used for the next one
   */
  constructor(maxPayloadBytes: number, onFrame: (frame: Frame) => void, copies = false) {
    this.#maxLength = maxPayloadBytes + HEADER_BYTES - LENGTH_BYTES
    this.#onFrame = onFrame
    this.#copies = copies
  }

  /** True when a frame has begun and not ended. */
  get midFrame(): boolean {
    return this.#bytes > 0
  }

  /**
   * Hands over every frame that the chunk ends.
   * @throws {ProtocolError} for a length that no frame can have
   */
  read(chunk: Buffer): void {
    for (let start = 0; start < chunk.length; ) {
      if (this.#bytes === 0 && chunk.length - start >= HEADER_BYTES) {
        const frameBytes = this.#checkedBytes(chunk, start)
        const piece = chunk.subarray(start, start + frameBytes)
        start += piece.length
        if (piece.length === frameBytes) this.#onFrame(toFrame([piece]))
        else this.#begin(frameBytes, piece)
        continue
      }
      start += this.#collect(chunk, start)
      if (this.#bytes > 0 && this.#bytes === this.#frameBytes) this.#onFrame(this.#takeFrame())
    }
  }

  /** How many bytes the frame has whose header stands there. */
  #checkedBytes(header: Buffer, offset: number): number {
    const length = header.readUInt32BE(offset)
    if (length > this.#maxLength)
      throw new ProtocolError('frame_too_long', `length ${length}: at most ${this.#maxLength} is allowed`)
    if (length < HEADER_BYTES - LENGTH_BYTES) throw new ProtocolError('frame_too_short', `length ${length}: a header has more`)
    return LENGTH_BYTES + length
  }

  /** Keeps the beginning of a frame, with its whole header. */
  #begin(frameBytes: number, piece: Buffer): void {
    this.#frameBytes = frameBytes
    this.#add(piece)
  }

  /** Takes of the chunk what belongs to the frame that is coming in, the header first; gives the number of bytes taken. */
  #collect(chunk: Buffer, start: number): number {
    const inHeader = this.#bytes < HEADER_BYTES
    const missing = (inHeader ? HEADER_BYTES : this.#frameBytes) - this.#bytes
    const piece = chunk.subarray(start, start + missing)
    this.#add(piece)
    if (inHeader && this.#bytes === HEADER_BYTES) this.#frameBytes = this.#checkedBytes(this.#tail, 0)
    return piece.length
  }

  #add(piece: Buffer): void {
    if (piece.length < SMALL_BYTES) {
      this.#addSmall(piece)
    } else {
      this.#endTail()
      this.#pieces.push(this.#copies ? Buffer.from(piece) : piece)
    }
    this.#bytes += piece.length
  }

  #addSmall(piece: Buffer): void {
    if (this.#tailBytes + piece.length > this.#tail.length) {
      this.#endTail()
      // As long as what has come before: a peer that announces much and sends little takes little.
      // Not from Node's pool: a piece of it that is kept keeps the whole pool.
      this.#tail = Buffer.allocUnsafeSlow(Math.max(piece.length, HEADER_BYTES, Math.min(this.#bytes, TAIL_BYTES)))
    }
    this.#tail.set(piece, this.#tailBytes)
    this.#tailBytes += piece.length
  }

  #endTail(): void {
    if (this.#tailBytes > 0) {
      const piece = this.#tail.subarray(0, this.#tailBytes)
      // A tail that stayed short is copied to its length: small pieces between large ones would keep its room for nothing.
      this.#pieces.push(this.#tailBytes * 2 < this.#tail.length ? Buffer.from(piece) : piece)
    }
    this.#tail = NO_TAIL
    this.#tailBytes = 0
  }

  #takeFrame(): Frame {
    this.#endTail()
    const [first = Buffer.alloc(0), ...others] = this.#pieces
    this.#pieces = []
    this.#bytes = 0
    this.#frameBytes = 0
    return toFrame([first, ...others])
  }
}

function toFrame(pieces: [Buffer, ...Buffer[]]): Frame {
  const [header] = pieces
  return { type: header[TYPE_OFFSET] ?? 0, id: header.readUInt32BE(ID_OFFSET), crc: header.readUInt32BE(CRC_OFFSET), pieces }
}
