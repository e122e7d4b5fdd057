import type { BlockList } from 'node:net'
import {
  type Amount,
  addressRanges,
  amount,
  ConfigError,
  type Configured,
  count,
  duration,
  list,
  logLevel,
  nonEmptyText,
  oneOf,
  port,
  positiveDuration,
  readEndpoints,
  readSettings,
  type Setting,
  type Source,
  share,
  size,
  text,
  type Values,
} from '@nihao/service'
import { CredentialsError, type Endpoint, endpointUrl, parseEndpoints, protocols, readCredentials } from '@nihao/wire'

/** Every setting of the server. The README's table and `--help` are made from this one. */
export const settings = {
  listen: {
    doc: 'Where to listen and what to speak there: endpoint URLs, separated by blanks or commas.',
    format: text,
    default: 'greet://0.0.0.0:1234 probe://0.0.0.0:7000',
  } as Setting<string>,
  greeting: {
    doc: 'What greet puts in front of every line.',
    format: nonEmptyText,
    default: '你好，',
    perEndpoint: true,
  } as Setting<string>,
  maxConnections: {
    doc: 'Connections that may be open at once, in the whole process or, as an option, on that endpoint; 0 = no limit but the file limit.',
    format: count,
    default: '10000',
    perEndpoint: true,
  } as Setting<number>,
  maxConnectionsPerAddress: {
    doc: 'Connections that may be open at once from one IP address; 0 = no limit.',
    format: count,
    default: '0',
    perEndpoint: true,
  } as Setting<number>,
  idleTimeout: {
    doc: 'A connection on which nothing moves for this long is closed; 0s = never.',
    format: duration,
    default: '20m',
    perEndpoint: true,
  } as Setting<number>,
  maxBuffered: {
    doc: 'Bytes that may wait for a slow reader of one connection before reading from it pauses.',
    format: size,
    default: '128KiB',
    perEndpoint: true,
  } as Setting<number>,
  slowReaderTimeout: {
    doc: 'A connection whose peer takes nothing of what waits for it for this long is cut; 0s = never.',
    format: duration,
    default: '30s',
    perEndpoint: true,
  } as Setting<number>,
  maxAge: {
    doc: 'A connection that is this old, or up to a tenth less, is asked to leave: clients spread over servers that came later; 0s = never.',
    format: duration,
    default: '0s',
    perEndpoint: true,
  } as Setting<number>,
  maxMessage: {
    doc: 'The largest payload of a frame (probe). A longer one is refused as soon as its length is known.',
    format: size,
    default: '1MiB',
    perEndpoint: true,
  } as Setting<number>,
  banner: {
    doc: 'address: a text protocol begins with a line that tells the address of the server.',
    format: oneOf('none', 'address'),
    default: 'none',
    perEndpoint: true,
  } as Setting<string>,
  delay: {
    doc: 'Fault: everything is sent this much later.',
    format: duration,
    default: '0s',
    perEndpoint: true,
  } as Setting<number>,
  jitter: {
    doc: 'Fault: what is sent is delayed by a random time up to this, too; the order stays.',
    format: duration,
    default: '0s',
    perEndpoint: true,
  } as Setting<number>,
  throttle: {
    doc: 'Fault: bytes that one connection is sent per second; 0B = no limit.',
    format: size,
    default: '0B',
    perEndpoint: true,
  } as Setting<number>,
  closeAfter: {
    doc: 'Fault: a connection is half-closed after so many bytes sent, or after the answer to so many messages.',
    format: amount,
    default: 'none',
    perEndpoint: true,
  } as Setting<Amount>,
  resetAfter: {
    doc: 'Fault: a connection is reset after so many bytes sent, or after the answer to so many messages.',
    format: amount,
    default: 'none',
    perEndpoint: true,
  } as Setting<Amount>,
  stallAfter: {
    doc: 'Fault: on a connection nothing more is sent after so many bytes, or after the answer to so many messages; it stays open.',
    format: amount,
    default: 'none',
    perEndpoint: true,
  } as Setting<Amount>,
  corrupt: {
    doc: 'Fault: in this share of the replies one bit is wrong. What answers one read is one reply.',
    format: share,
    default: '0',
    perEndpoint: true,
  } as Setting<number>,
  refuse: {
    doc: 'Fault: this share of the connections is refused.',
    format: share,
    default: '0',
    perEndpoint: true,
  } as Setting<number>,
  faultSeed: {
    doc: 'Chooses the random faults: with the same seed, the first connection of a listener meets the same ones again, and so does each that follows.',
    format: count,
    default: '0',
    perEndpoint: true,
  } as Setting<number>,
  cert: {
    doc: 'TLS: the file with the certificate and those between it and its root (PEM). Read again when it changes.',
    format: text,
    default: '',
    perEndpoint: true,
  } as Setting<string>,
  key: { doc: 'TLS: the file with the private key (PEM).', format: text, default: '', perEndpoint: true } as Setting<string>,
  ca: {
    doc: 'TLS: the file with the roots that the certificates of clients must come from (PEM).',
    format: text,
    default: '',
    perEndpoint: true,
  } as Setting<string>,
  clientCert: {
    doc: 'TLS: whether clients must have a certificate; request: one that is sent must be valid, none is as well.',
    format: oneOf('none', 'request', 'require'),
    default: 'none',
    perEndpoint: true,
  } as Setting<'none' | 'request' | 'require'>,
  alpn: {
    doc: 'TLS: names of protocols that clients may ask for (ALPN), the preferred one first; empty: not negotiated.',
    format: list,
    default: '',
    perEndpoint: true,
  } as Setting<readonly string[]>,
  proxy: {
    doc: 'The PROXY header that every connection must begin with, by the version of its protocol.',
    format: oneOf('off', 'v1', 'v2', 'any'),
    default: 'off',
    perEndpoint: true,
  } as Setting<'off' | 'v1' | 'v2' | 'any'>,
  trustedProxies: {
    doc: 'Who may send a PROXY header: everybody else is refused where one is required.',
    format: addressRanges,
    default: '',
    perEndpoint: true,
  } as Setting<BlockList>,
  handshakeTimeout: {
    doc: 'Time for the PROXY header and the TLS handshake together.',
    format: positiveDuration,
    default: '10s',
    perEndpoint: true,
  } as Setting<number>,
  identity: {
    doc: 'How the server calls itself to clients (probe); empty: its host name.',
    format: text,
    default: '',
  } as Setting<string>,
  keepAlive: {
    doc: 'TCP keep-alive: silence after which the kernel asks whether the peer is still there; 0s = off.',
    format: duration,
    default: '60s',
    perEndpoint: true,
  } as Setting<number>,
  drainDelay: {
    doc: 'How long to go on accepting after a signal to stop, while load balancers notice that the server is no longer ready.',
    format: duration,
    default: '5s',
  } as Setting<number>,
  drainTimeout: {
    doc: 'How long open connections may take to end after that, before they are cut.',
    format: duration,
    default: '20s',
  } as Setting<number>,
  adminHost: {
    doc: 'Address of the admin HTTP endpoint; :: is every address, IPv6 and IPv4.',
    format: nonEmptyText,
    default: '::',
  } as Setting<string>,
  adminPort: { doc: 'Port of the admin HTTP endpoint; 0 = any free one.', format: port, default: '9464' } as Setting<number>,
  logLevel: { doc: 'The least level that is logged.', format: logLevel, default: 'info' } as Setting<string>,
}

export type ServerValues = Values<typeof settings>

/** One endpoint to listen on, with the limits that hold there. */
export type ListenerConfig = Configured<typeof settings, Endpoint>

export type ServerConfig = ServerValues & { readonly listeners: readonly ListenerConfig[] }

/**
 * Reads `nihao-server [endpoint …]` and the environment.
 * @param files whether to read the certificates as well: one that can't be used later on is no reason to stop
 * @throws {ConfigError} with everything that is wrong, at once
 */
export function readConfig(source: Source, { files = true } = {}): ServerConfig {
  const reading = readSettings(settings, source)
  const listeners = readEndpoints(settings, reading, 'listen', parseEndpoints, endpointUrl)
  for (const listener of listeners) {
    const mistakes = [...conflicts(listener), ...(files ? unusableFiles(listener) : [])]
    reading.mistakes.push(...mistakes.map(mistake => `NIHAO_LISTEN: ${endpointUrl(listener.endpoint)}: ${mistake}`))
  }
  if (reading.mistakes.length > 0) throw new ConfigError(reading.mistakes)
  return Object.freeze({ ...reading.values, listeners })
}

const TLS_OPTIONS = ['cert', 'key', 'ca', 'client-cert', 'alpn']

/** Settings that do not go together on an endpoint. */
function conflicts({ endpoint, values }: ListenerConfig): string[] {
  const { protocol, tls, address, options } = endpoint
  const mistakes: string[] = []
  if (options.has('banner') && !protocols[protocol].text) mistakes.push('option "banner" is for text protocols')
  for (const option of TLS_OPTIONS) {
    if (options.has(option) && !tls) mistakes.push(`option "${option}" is for TLS: write ${protocol}+tls://`)
  }
  if (tls && (values.cert === '' || values.key === '')) mistakes.push('TLS needs the files cert (NIHAO_CERT) and key (NIHAO_KEY)')
  if (tls && values.clientCert !== 'none' && values.ca === '') mistakes.push('client-cert needs the file ca (NIHAO_CA)')
  if (values.proxy !== 'off' && 'host' in address && values.trustedProxies.rules.length === 0) {
    mistakes.push('proxy needs trusted-proxies (NIHAO_TRUSTED_PROXIES): the addresses and subnets of the proxies')
  }
  return mistakes
}

function unusableFiles({ endpoint, values }: ListenerConfig): readonly string[] {
  if (!endpoint.tls) return []
  try {
    readCredentials(values)
    return []
  } catch (error) {
    if (error instanceof CredentialsError) return error.mistakes
    throw error
  }
}
