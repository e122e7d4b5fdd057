import {
  addressRanges,
  amount,
  boolean,
  ConfigError,
  type Configured,
  count,
  defineSettings,
  duration,
  endpointList,
  file,
  fraction,
  line,
  list,
  logLevel,
  oneOf,
  optional,
  parseCommandLine,
  port,
  positiveDuration,
  readEndpoints,
  readSettings,
  type Source,
  size,
  text,
  type Values,
  wholeSeconds,
} from '@nihao/service'
import { CredentialsError, type Endpoint, endpointUrl, parseEndpoints, protocols, readCredentials } from '@nihao/wire'

/** All settings of the server. `--help` and docs/settings.md are generated from this table. */
export const settings = defineSettings({
  listen: {
    doc: 'Listeners: endpoint URLs. Without a host, a listener binds to all addresses, IPv6 and IPv4.',
    format: endpointList,
    default: 'greet://:1234 probe://:7000',
    repeatable: true,
  },
  greeting: {
    doc: 'Text before every line of a reply (greet).',
    format: line,
    default: '你好，',
    perEndpoint: true,
  },
  maxConnections: {
    doc: 'Maximum open connections on all listeners together; as a URL option, on that listener. 0 = limited by open files only.',
    format: count,
    default: '10000',
    perEndpoint: true,
  },
  maxConnectionsPerAddress: {
    doc: 'Maximum open connections from one IP address on all listeners together; as a URL option, on that listener. 0 = no limit.',
    format: count,
    default: '0',
    perEndpoint: true,
  },
  idleTimeout: {
    doc: 'Close a connection after this long without traffic; 0s = never.',
    format: duration,
    default: '20m',
    perEndpoint: true,
  },
  maxBuffered: {
    doc: 'Maximum output buffered for a slow reader before reading from its connection pauses.',
    format: size,
    default: '128KiB',
    perEndpoint: true,
  },
  maxBufferedTotal: {
    doc: 'Maximum memory that all connections together hold for slow readers; above it, those that hold the most are terminated and new ones rejected. 0B = no limit; empty = a quarter of the memory limit of the container, or 256MiB without one.',
    format: optional(size),
    default: '',
  },
  slowReaderTimeout: {
    doc: 'Terminate a connection whose buffered output makes no progress for this long; 0s = never.',
    format: duration,
    default: '30s',
    perEndpoint: true,
  },
  maxAge: {
    doc: 'Close a connection gracefully at this age, less a random 0 to 10 %, so that clients spread to new servers; 0s = never.',
    format: duration,
    default: '0s',
    perEndpoint: true,
  },
  maxMessage: {
    doc: 'Maximum payload of a received frame (probe). A larger one is rejected as soon as its header arrives.',
    format: size,
    default: '1MiB',
    perEndpoint: true,
  },
  banner: {
    doc: 'address = send one line with the server address first (text protocols).',
    format: oneOf('none', 'address'),
    default: 'none',
    perEndpoint: true,
  },
  delay: {
    doc: 'Fault: delay of all output.',
    format: duration,
    default: '0s',
    perEndpoint: true,
  },
  jitter: {
    doc: 'Fault: maximum random delay of output, in addition to delay; output keeps its order.',
    format: duration,
    default: '0s',
    perEndpoint: true,
  },
  throttle: {
    doc: 'Fault: maximum output per second of a connection; 0B = no limit.',
    format: size,
    default: '0B',
    perEndpoint: true,
  },
  closeAfter: {
    doc: 'Fault: half-close a connection after this many bytes sent or messages answered.',
    format: amount,
    default: 'none',
    perEndpoint: true,
  },
  resetAfter: {
    doc: 'Fault: reset a connection after this many bytes sent or messages answered.',
    format: amount,
    default: 'none',
    perEndpoint: true,
  },
  stallAfter: {
    doc: 'Fault: stop sending after this many bytes sent or messages answered; the connection stays open.',
    format: amount,
    default: 'none',
    perEndpoint: true,
  },
  corrupt: {
    doc: 'Fault: fraction of replies with one flipped bit. The output for one read counts as one reply.',
    format: fraction,
    default: '0',
    perEndpoint: true,
  },
  refuse: {
    doc: 'Fault: fraction of connections to reject.',
    format: fraction,
    default: '0',
    perEndpoint: true,
  },
  faultSeed: {
    doc: 'Seed of the random faults: with the same seed, the nth connection of a listener has the same faults.',
    format: count,
    default: '0',
    perEndpoint: true,
  },
  cert: {
    doc: 'TLS: certificate chain of the server (PEM). Reloaded when it changes.',
    format: file,
    default: '',
    perEndpoint: true,
  },
  key: {
    doc: 'TLS: private key of the certificate (PEM). Reloaded when it changes.',
    format: file,
    default: '',
    perEndpoint: true,
  },
  ca: {
    doc: 'TLS: CA certificates for verifying client certificates (PEM). Reloaded when it changes.',
    format: file,
    default: '',
    perEndpoint: true,
  },
  clientCert: {
    doc: 'TLS: client certificates. request = optional but must be valid; require = mandatory.',
    format: oneOf('none', 'request', 'require'),
    default: 'none',
    perEndpoint: true,
  },
  alpn: {
    doc: 'TLS: supported application protocols (ALPN), in order of preference; empty = no ALPN.',
    format: list,
    default: '',
    perEndpoint: true,
  },
  proxy: {
    doc: 'Version of the PROXY protocol header required at the start of every connection.',
    format: oneOf('off', 'v1', 'v2', 'any'),
    default: 'off',
    perEndpoint: true,
  },
  trustedProxies: {
    doc: 'Proxies that may send a PROXY header. If one is required, all other clients are rejected.',
    format: addressRanges,
    default: '',
    perEndpoint: true,
  },
  handshakeTimeout: {
    doc: 'Time limit for the PROXY header and the TLS handshake together.',
    format: positiveDuration,
    default: '10s',
    perEndpoint: true,
  },
  reusePort: {
    doc: 'Share the address and port with other servers of the same user that also set this; the kernel spreads connections over them. TCP only, and not on every platform.',
    format: boolean,
    default: 'false',
    perEndpoint: true,
  },
  identity: {
    doc: 'Name of the server in HELLO (probe); empty = the host name.',
    format: text,
    default: '',
  },
  keepAlive: {
    doc: 'Idle time before the kernel sends TCP keep-alive probes; 0s = no probes.',
    format: wholeSeconds,
    default: '60s',
    perEndpoint: true,
  },
  drainDelay: {
    doc: 'Time to keep accepting after the signal to stop, so that load balancers notice that the server is not ready.',
    format: duration,
    default: '5s',
  },
  drainTimeout: {
    doc: 'Time for open connections to finish after that, before they are terminated.',
    format: duration,
    default: '20s',
  },
  adminHost: { doc: 'Address of the admin HTTP endpoint; empty = all addresses, IPv6 and IPv4.', format: text, default: '' },
  adminPort: { doc: 'Port of the admin HTTP endpoint; 0 = any free port.', format: port, default: '9464' },
  logLevel: { doc: 'Minimum log level.', format: logLevel, default: 'info' },
})

export type ServerValues = Values<typeof settings>

/** An endpoint to listen on, with the settings that apply to it. */
export type ListenerConfig = Configured<ServerValues, Endpoint>

export type ServerConfig = ServerValues & { readonly listeners: readonly ListenerConfig[] }

/**
 * Reads `nihao-server [setting …] [endpoint …]` and the environment.
 * @param files whether to validate certificate files too
 * @throws {ConfigError} with all problems at once
 */
export function readConfig({ env, args }: Source, { files = true } = {}): ServerConfig {
  const reading = readSettings(settings, env, parseCommandLine(args))
  const listeners = readEndpoints(settings, reading, 'listen', {
    parse: parseEndpoints,
    urlOf: endpointUrl,
    validate: listener => [...conflicts(listener), ...(files ? unusableFiles(listener) : [])],
  })
  if (reading.problems.length > 0) throw new ConfigError(reading.problems)
  return Object.freeze({ ...reading.values, listeners })
}

const TLS_OPTIONS = ['cert', 'key', 'ca', 'client-cert', 'alpn']

/** Invalid combinations of settings of an endpoint. */
function conflicts({ endpoint, values }: ListenerConfig): string[] {
  const { protocol, tls, address, options } = endpoint
  const problems: string[] = []
  if (options.has('banner') && !protocols[protocol].text) problems.push('option "banner" requires a text protocol')
  for (const option of TLS_OPTIONS) {
    if (options.has(option) && !tls) problems.push(`option "${option}" requires TLS: use ${protocol}+tls://`)
  }
  if (values.reusePort && 'path' in address) problems.push('reuse-port requires TCP: a Unix socket can have only one server')
  if (tls && (values.cert === '' || values.key === '')) problems.push('TLS requires cert (NIHAO_CERT) and key (NIHAO_KEY)')
  if (tls && values.clientCert !== 'none' && values.ca === '') problems.push('client-cert requires ca (NIHAO_CA)')
  if (values.proxy !== 'off' && 'host' in address && values.trustedProxies.rules.length === 0) {
    problems.push('proxy requires trusted-proxies (NIHAO_TRUSTED_PROXIES): the addresses or subnets of the proxies')
  }
  return problems
}

function unusableFiles({ endpoint, values }: ListenerConfig): readonly string[] {
  if (!endpoint.tls) return []
  try {
    readCredentials(values)
    return []
  } catch (error) {
    if (error instanceof CredentialsError) return error.problems
    throw error
  }
}
