import type { SizeRange } from '@nihao/service'
import { type ClientOptions, type ProtocolName, protocols } from '@nihao/wire'

/** Every position differs from its neighbours, so that shifted or lost bytes are detected. */
const FILLER = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

/**
 * Requests of given sizes: of the line including its line end in text protocols, of the payload in frames. All sizes are views of the end of
 * the same text, without copies.
 */
export function requestsOf({ minimum, maximum }: SizeRange, name: ProtocolName): Pick<ClientOptions, 'message' | 'nextRequest'> {
  const lineEnd = protocols[name].text ? '\n' : ''
  const message = ''.padEnd(maximum - lineEnd.length, FILLER)
  if (minimum === maximum) return { message }
  const longest = Buffer.from(message + lineEnd)
  const sizes = maximum - minimum + 1
  return { message, nextRequest: () => longest.subarray(Math.floor(Math.random() * sizes)) }
}

/** One request of each size, as in `requestsOf`. */
export function requestsOfSizes(sizes: readonly number[], name: ProtocolName): Buffer[] {
  const lineEnd = protocols[name].text ? '\n' : ''
  const longestBytes = Math.max(...sizes)
  const longest = Buffer.from(''.padEnd(longestBytes - lineEnd.length, FILLER) + lineEnd)
  return sizes.map(bytes => longest.subarray(longestBytes - bytes))
}
