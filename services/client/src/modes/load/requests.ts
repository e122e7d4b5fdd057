import type { SizeRange } from '@nihao/service'
import { type ClientOptions, type ProtocolName, protocols } from '@nihao/wire'

/** Every position differs from its neighbours, so that shifted or lost bytes are detected. */
const FILLER = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

/**
 * Requests of a size: of the line with its line end in a text protocol, of the payload in frames. Requests of different sizes are ends of the
 * same text, so that none of them is a copy.
 */
export function requestsOf({ minimum, maximum }: SizeRange, name: ProtocolName): Pick<ClientOptions, 'message' | 'nextRequest'> {
  const lineEnd = protocols[name].text ? '\n' : ''
  const message = ''.padEnd(maximum - lineEnd.length, FILLER)
  if (minimum === maximum) return { message }
  const longest = Buffer.from(message + lineEnd)
  const sizes = maximum - minimum + 1
  return { message, nextRequest: () => longest.subarray(Math.floor(Math.random() * sizes)) }
}
