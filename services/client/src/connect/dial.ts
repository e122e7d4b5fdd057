import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { connect, isIP, type Socket } from 'node:net'
import { type EndpointAddress, encodeProxyHeader, type ProxyVersion } from '@nihao/wire'
import { handshake, type TlsDialOptions } from './handshake.ts'

export interface DialOptions {
  /** For all together: name look-up, TCP handshake with every address of the name, and TLS handshake. */
  readonly timeoutMs: number
  /**
   * Time without traffic after which the kernel asks whether the peer is still there, in whole seconds; 0 = never. Node has no setting
   * for the rest: ten questions without an answer, one second apart, end the connection with ETIMEDOUT.
   */
  readonly keepAliveMs?: number
  readonly signal: AbortSignal
  /** Hears how long each phase took that came to a good end. */
  /**
   * Takes what comes in on a plain connection, in place of 'data' events. The chunk is valid only during the call: all sockets read into the
   * same memory. A buffer for each read would be most of what a client with large replies does, in allocation and garbage collection.
   */
  readonly take?: (chunk: Buffer) => void
  readonly observe: (phase: 'dns' | 'tcp' | 'tls', durationMs: number) => void
  /** The PROXY header to send first, as if this client were the proxy of its own connection. */
  readonly sendProxy?: ProxyVersion | undefined
  /** Without it the connection stays plain. */
  readonly tls?: TlsDialOptions | undefined
}

/**
 * Connects. Where a name has several addresses, they are tried in turn.
 * @throws an error with the `code` of the operating system; ETIMEDOUT for the time limit, too
 */
export async function dial(address: EndpointAddress, options: DialOptions): Promise<Socket> {
  const { timeoutMs, keepAliveMs = 0, signal, take, observe, sendProxy, tls } = options
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })), timeoutMs)
  const aborted = AbortSignal.any([signal, timeout.signal])
  try {
    const startMs = performance.now()
    const named = 'host' in address && isIP(address.host) === 0
    const addresses = named ? await resolve(address.host, aborted) : undefined
    if (addresses !== undefined) observe('dns', performance.now() - startMs)

    const connectMs = performance.now()
    const socket = await open(address, addresses, timeoutMs, aborted, tls === undefined ? take : undefined)
    if (keepAliveMs > 0) socket.setKeepAlive(true, keepAliveMs)
    observe('tcp', performance.now() - connectMs)
    if (sendProxy !== undefined) socket.write(proxyHeader(sendProxy, socket))
    if (tls === undefined) return socket

    const handshakeMs = performance.now()
    const secured = await handshake(socket, tls, aborted)
    observe('tls', performance.now() - handshakeMs)
    return secured
  } finally {
    clearTimeout(timer)
  }
}

function proxyHeader(version: ProxyVersion, { localAddress, localPort, remoteAddress, remotePort }: Socket): Buffer {
  if (!localAddress || !localPort || !remoteAddress || !remotePort) return encodeProxyHeader(version) // a Unix socket
  return encodeProxyHeader(version, { address: localAddress, port: localPort }, { address: remoteAddress, port: remotePort })
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
  const gaveUp = Promise.withResolvers<never>()
  const giveUp = () => gaveUp.reject(signal.reason)
  signal.addEventListener('abort', giveUp)
  // A signal made by AbortSignal.any is kept alive as long as somebody listens to it.
  return Promise.race([addresses, gaveUp.promise]).finally(() => signal.removeEventListener('abort', giveUp))
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
    const fail = (error: Error) => {
      signal.removeEventListener('abort', abort)
      reject(error)
    }
    signal.addEventListener('abort', abort)
    socket.once('error', fail)
    socket.once('connect', () => {
      signal.removeEventListener('abort', abort)
      socket.off('error', fail)
      resolve(socket)
    })
  })
}
