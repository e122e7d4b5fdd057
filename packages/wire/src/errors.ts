import type { Bytes } from './protocol.ts'

/** The direction in which a message was corrupted, where checksums show it. */
export type CorruptedDirection = 'to_server' | 'from_server'

/** Received bytes differ from the expected reply. The message shows an excerpt of both. */
export class WrongReply extends Error {
  override readonly name = 'WrongReply'
  readonly code = 'WRONG_REPLY'
  /** Replies completed by earlier bytes in the same read. */
  readonly completed: number
  readonly corrupted: CorruptedDirection | undefined

  /** @param context text before the excerpts in the message */
  constructor(expected: Buffer, received: Buffer, context = '', completed = 0, corrupted?: CorruptedDirection) {
    const hint = isTlsAlert(received) ? ', a TLS alert: the server speaks TLS' : ''
    super(`${context}expected ${excerpt(expected)}, received ${excerpt(received)}${hint}`)
    this.completed = completed
    this.corrupted = corrupted
  }
}

export const protocolErrorReasons = ['frame_too_long', 'frame_too_short', 'frame_type', 'frame_payload', 'corrupt'] as const
export type ProtocolErrorReason = (typeof protocolErrorReasons)[number]

/** The peer violated the protocol. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  readonly code = 'PROTOCOL_ERROR'
  readonly reason: ProtocolErrorReason
  /** The reply to the valid bytes before the error; send it before closing. */
  reply: Bytes | undefined

  constructor(reason: ProtocolErrorReason, message: string) {
    super(message)
    this.reason = reason
  }
}

/** The server rejected the connection; the message is its reason. */
export class Rejected extends Error {
  override readonly name = 'Rejected'
  readonly code = 'REJECTED'
}

/** Maximum bytes of a reply shown in an error message. */
export const EXCERPT_BYTES = 64

function excerpt(bytes: Buffer): string {
  if (bytes.length === 0) return 'nothing'
  const text = JSON.stringify(bytes.toString('utf8', 0, EXCERPT_BYTES))
  return bytes.length > EXCERPT_BYTES ? `${text}… (${bytes.length} bytes)` : text
}

/** A TLS server answers plain bytes with a record of type alert, of any version (RFC 8446, section 5.1). */
function isTlsAlert(bytes: Buffer): boolean {
  return bytes.length >= 2 && bytes[0] === 0x15 && bytes[1] === 0x03
}
