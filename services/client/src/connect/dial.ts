import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { connect, isIP, isIPv6, type Socket } from 'node:net'
import { type EndpointAddress, encodeProxyHeader, type ProxyVersion } from '@nihao/wire'
import { handshake, type TlsDialOptions } from './handshake.ts'

export interface DialOptions {
  /** Time limit for everything: name lookup, TCP handshakes with each address of the name, and TLS handshake. */
  readonly timeoutMs: number
  /**
   * Idle time before the kernel sends TCP keep-alive probes, in whole seconds; 0 = never. Node fixes the other parameters: ten unanswered
   * probes, one second apart, end the connection with ETIMEDOUT.
   */
  readonly keepAliveMs?: number
  /** Of the addresses of a name to use; 0 = both, the default. */
  readonly family?: 0 | 4 | 6
  readonly signal: AbortSignal
  /**
   * Receives the bytes of a plain connection, instead of 'data' events. The chunk is valid only during the call: all sockets read into one
   * buffer, because with large replies a buffer per read would cost more than everything else.
   */
  readonly receive?: (chunk: Buffer) => void
  /** Called with the duration of each successful phase. */
  readonly observe: (phase: 'dns' | 'tcp' | 'tls', durationMs: number) => void
  readonly handshakeDone?: ((remoteAddress: string) => void) | undefined
  /** The version of the PROXY header to send first, with the addresses of this connection. */
  readonly sendProxy?: ProxyVersion | undefined
  /** Undefined for a connection without TLS. */
  readonly tls?: TlsDialOptions | undefined
}

/**
 * Connects. The addresses of a name are tried in turn.
 * @throws an error with a system `code`, ETIMEDOUT at the time limit too; the reason of the signal if it is aborted
 */
export async function dial(address: EndpointAddress, options: DialOptions): Promise<Socket> {
  const { timeoutMs, keepAliveMs = 0, family = 0, signal, receive, observe, handshakeDone, sendProxy, tls } = options
  signal.throwIfAborted()
  const where = 'path' in address ? address.path : hostAndPort(address.host, address.port)
  let step = `looking up ${where}`
  const timeout = new AbortController()
  let phase: 'dns' | 'tcp' = 'dns'
  const late = () => Object.assign(new Error(`timed out after ${timeoutMs} ms ${step}`), { code: 'ETIMEDOUT', phase })
  // What happened while this process was busy is processed first, even if no time is left.
  const timer = setTimeout(() => setImmediate(() => timeout.abort(late())), timeoutMs)
  const aborted = AbortSignal.any([signal, timeout.signal])
  try {
    const startMs = performance.now()
    const named = 'host' in address && isIP(address.host) === 0
    const addresses = named ? await resolve(address.host, family, aborted) : undefined
    if (addresses !== undefined) observe('dns', performance.now() - startMs)

    phase = 'tcp'
    const connectMs = performance.now()
    const tried =
      addresses === undefined ? where : addresses.map(({ address: ip }) => hostAndPort(ip, portOf(address))).join(', ')
    step = `connecting to ${tried}`
    const socket = await open(address, addresses, timeoutMs, aborted, tls === undefined ? receive : undefined)
    if (keepAliveMs > 0) socket.setKeepAlive(true, keepAliveMs)
    observe('tcp', performance.now() - connectMs)
    handshakeDone?.(socket.remoteAddress ?? '')
    if (sendProxy !== undefined) socket.write(proxyHeader(sendProxy, socket))
    if (tls === undefined) return socket

    const handshakeMs = performance.now()
    step = `during the TLS handshake with ${hostAndPort(socket.remoteAddress ?? '', socket.remotePort ?? 0)}`
    const secured = await handshake(socket, tls, aborted)
    observe('tls', performance.now() - handshakeMs)
    return secured
  } finally {
    clearTimeout(timer)
  }
}

const portOf = (address: EndpointAddress) => ('port' in address ? address.port : 0)

const hostAndPort = (host: string, port: number) => (isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`)

function proxyHeader(version: ProxyVersion, { localAddress, localPort, remoteAddress, remotePort }: Socket): Buffer {
  if (!localAddress || !localPort || !remoteAddress || !remotePort) return encodeProxyHeader(version) // a Unix socket
  return encodeProxyHeader(version, { address: localAddress, port: localPort }, { address: remoteAddress, port: remotePort })
}

/** Lookups in progress, by name and family. A thousand sessions with one name share a lookup, because Node has only four threads for them. */
const lookups = new Map<string, Promise<LookupAddress[]>>()

function resolve(host: string, family: 0 | 4 | 6, signal: AbortSignal): Promise<LookupAddress[]> {
  const key = `${host} ${family}`
  let addresses = lookups.get(key)
  if (addresses === undefined) {
    addresses = lookup(host, { all: true, family }).finally(() => lookups.delete(key))
    lookups.set(key, addresses)
  }
  // The system's resolver can't be interrupted: an aborted caller stops waiting, and the result serves other callers.
  const abandoned = Promise.withResolvers<never>()
  const abandon = () => abandoned.reject(signal.reason)
  signal.addEventListener('abort', abandon)
  // Removed, because a listener keeps a signal created by AbortSignal.any alive.
  return Promise.race([addresses, abandoned.promise]).finally(() => signal.removeEventListener('abort', abandon))
}

const readBuffer = Buffer.allocUnsafeSlow(65_536)

function receiveInto(receive: (chunk: Buffer) => void, sizeBytes: number): boolean {
  receive(readBuffer.subarray(0, sizeBytes))
  return true
}

function open(
  address: EndpointAddress,
  addresses: LookupAddress[] | undefined,
  timeoutMs: number,
  signal: AbortSignal,
  receive: ((chunk: Buffer) => void) | undefined,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...address,
      allowHalfOpen: true, // the client ends its side explicitly
      noDelay: true,
      ...(receive && { onread: { buffer: readBuffer, callback: sizeBytes => receiveInto(receive, sizeBytes) } }),
      ...(addresses && {
        lookup: (_host, _options, found) => found(null, addresses),
        autoSelectFamily: true,
        // By default, Node allows 250 ms per address, which is less than one round trip on some paths.
        autoSelectFamilyAttemptTimeout: Math.max(10, Math.floor(timeoutMs / addresses.length)),
      }),
    })
    const abort = () => socket.destroy(signal.reason)
    const fail = (error: Error) => {
      signal.removeEventListener('abort', abort)
      reject(withMessage(error))
    }
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort)
    socket.once('error', fail)
    socket.once('connect', () => {
      signal.removeEventListener('abort', abort)
      socket.off('error', fail)
      resolve(socket)
    })
  })
}

/** Node's error for several failed addresses has no message. */
function withMessage(error: Error): Error {
  const { errors } = error as Partial<AggregateError>
  if (errors !== undefined && error.message === '') error.message = errors.map(({ message }) => message).join(', ')
  return error
}
