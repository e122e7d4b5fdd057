import type { SizeRange } from '@nihao/service'
import { type ClientOptions, type ProtocolName, protocols } from '@nihao/wire'

/** Different at every place of a line, as far as it goes: bytes that were shifted or lost are seen. */
const FILLER = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

/**
 * What a target is asked so that requests have a size: for text protocols with the line end, for frames of the payload.
 * Requests of different sizes are ends of one and the same text: none of them is a copy.
 */
export function requestsOf({ minimum, maximum }: SizeRange, name: ProtocolName): Pick<ClientOptions, 'message' | 'nextRequest'> {
  const lineEnd = protocols[name].text ? '\n' : ''
  const message = ''.padEnd(maximum - lineEnd.length, FILLER)
  if (minimum === maximum) return { message }
  const longest = Buffer.from(message + lineEnd)
  const sizes = maximum - minimum + 1
  return { message, nextRequest: () => longest.subarray(Math.floor(Math.random() * sizes)) }
}
