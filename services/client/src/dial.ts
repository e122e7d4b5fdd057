import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { connect, isIP, type Socket } from 'node:net'
import type { EndpointAddress } from '@nihao/wire'

export interface DialOptions {
  /** For all together: name look-up and TCP handshake, with every address of the name. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Hears how long each phase took that came to a good end. */
  /**
   * Takes what comes in, in place of 'data' events. The chunk is valid only during the call: all sockets read into the same memory. A buffer
   * for each read would be most of what a client with large replies does, in allocation and garbage collection.
   */
  readonly take?: (chunk: Buffer) => void
  readonly observe: (phase: 'dns' | 'tcp', durationMs: number) => void
}

/**
 * Connects. Where a name has several addresses, they are tried in turn.
 * @throws an error with the `code` of the operating system; ETIMEDOUT for the time limit, too
 */
export async function dial(address: EndpointAddress, { timeoutMs, signal, take, observe }: DialOptions): Promise<Socket> {
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })), timeoutMs)
  const aborted = AbortSignal.any([signal, timeout.signal])
  try {
    const startMs = performance.now()
    const named = 'host' in address && isIP(address.host) === 0
    const addresses = named ? await resolve(address.host, aborted) : undefined
    if (addresses !== undefined) observe('dns', performance.now() - startMs)

    const connectMs = performance.now()
    const socket = await open(address, addresses, timeoutMs, aborted, take)
    observe('tcp', performance.now() - connectMs)
    return socket
  } finally {
    clearTimeout(timer)
  }
}

/** Look-ups that are under way, by name: a thousand sessions to one name ask once. Node has four threads for them. */
const lookups = new Map<string, Promise<LookupAddress[]>>()

function resolve(host: string, signal: AbortSignal): Promise<LookupAddress[]> {
  let addresses = lookups.get(host)
  if (addresses === undefined) {
    addresses = lookup(host, { all: true }).finally(() => lookups.delete(host))
    lookups.set(host, addresses)
  }
  // The system's resolver can't be interrupted: whoever gives up stops waiting, and the answer serves whoever asks next.
  const gaveUp = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  return Promise.race([addresses, gaveUp])
}

const readBuffer = Buffer.allocUnsafeSlow(65_536)

function takeRead(take: (chunk: Buffer) => void, sizeBytes: number): boolean {
  take(readBuffer.subarray(0, sizeBytes))
  return true
}

function open(
  address: EndpointAddress,
  addresses: LookupAddress[] | undefined,
  timeoutMs: number,
  signal: AbortSignal,
  take: ((chunk: Buffer) => void) | undefined,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...address,
      allowHalfOpen: true, // the client decides when its side ends
      noDelay: true,
      ...(take && { onread: { buffer: readBuffer, callback: sizeBytes => takeRead(take, sizeBytes) } }),
      ...(addresses && {
        lookup: (_host, _options, found) => found(null, addresses),
        autoSelectFamily: true,
        // Node gives each address 250 ms and then takes the next, which is less than one round trip on some paths.
        autoSelectFamilyAttemptTimeout: Math.max(10, Math.floor(timeoutMs / addresses.length)),
      }),
    })
    const abort = () => socket.destroy(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    socket.once('error', reject)
    socket.once('connect', () => {
      signal.removeEventListener('abort', abort)
      socket.off('error', reject)
      resolve(socket)
    })
  })
}
