import {
  choice,
  defineSettings,
  endpointList,
  file,
  label,
  line,
  list,
  logLevel,
  oneOf,
  optional,
  pattern,
  positiveDuration,
  size,
  text,
  type Values,
} from '@nihao/service'

/** The settings of every mode: targets, connections and exchanges. */
export const commonSettings = defineSettings({
  mode: {
    doc: 'Mode of the client; usually given as the first argument.',
    format: oneOf('probe', 'load', 'check', 'idle'),
    default: 'probe',
  },
  targets: {
    doc: 'Targets: endpoint URLs.',
    format: endpointList,
    default: 'greet://localhost:1234 probe://localhost:7000',
    repeatable: true,
  },
  name: {
    doc: 'Label of the target in metrics, logs and reports; the URL by default. Required if a target is given more than once.',
    format: optional(label),
    default: '',
    perEndpoint: 'only',
  },
  message: {
    doc: 'Text of each request. Line breaks are allowed on probe only.',
    format: text,
    default: '张三',
    perEndpoint: true,
  },
  greeting: {
    doc: 'Text before every line of a reply (greet); empty = the server only echoes.',
    format: line,
    default: '你好，',
    perEndpoint: true,
  },
  banner: {
    doc: 'address = the server first sends one line, which is skipped (text protocols).',
    format: choice({ none: false, address: true }),
    default: 'none',
    perEndpoint: true,
  },
  maxMessage: {
    doc: 'Maximum payload of a received frame (probe). A larger one is rejected as soon as its header arrives.',
    format: size,
    default: '1MiB',
    perEndpoint: true,
  },
  expectServer: {
    doc: 'Pattern that the server name must match (probe); any other server counts as a failure. Empty = any server.',
    format: pattern,
    default: '',
    perEndpoint: true,
  },
  ca: {
    doc: "TLS: CA certificates for verifying the server's certificate (PEM); empty = Node's own. Reloaded when it changes.",
    format: file,
    default: '',
    perEndpoint: true,
  },
  cert: {
    doc: 'TLS: client certificate, for servers that request one (PEM). Reloaded when it changes.',
    format: file,
    default: '',
    perEndpoint: true,
  },
  key: {
    doc: 'TLS: private key of the client certificate (PEM). Reloaded when it changes.',
    format: file,
    default: '',
    perEndpoint: true,
  },
  servername: {
    doc: "TLS: server name to request (SNI) and to verify in the server's certificate; empty = the host of the target.",
    format: text,
    default: '',
    perEndpoint: true,
  },
  alpn: {
    doc: 'TLS: application protocols to offer (ALPN), in order of preference; empty = no ALPN.',
    format: list,
    default: '',
    perEndpoint: true,
  },
  family: {
    doc: 'Addresses of a host name to use: any, IPv4 only, IPv6 only, or both = two targets, one for each family, with the labels ?family=4 and ?family=6.',
    format: choice<0 | 4 | 6 | 'both'>({ any: 0, 4: 4, 6: 6, both: 'both' }),
    default: 'any',
    perEndpoint: true,
  },
  sendProxy: {
    doc: 'Version of the PROXY protocol header sent at the start of every connection.',
    format: oneOf('off', 'v1', 'v2'),
    default: 'off',
    perEndpoint: true,
  },
  timeout: {
    doc: 'Time limit for connecting, and for an exchange from its intended start to the last byte of its reply. The sessions of probe have at least 3s to connect, because the kernel repeats a lost SYN after 1s.',
    format: positiveDuration,
    default: '1s',
    perEndpoint: true,
  },
  logLevel: { doc: 'Minimum log level.', format: logLevel, default: 'info' },
})

export type CommonValues = Values<typeof commonSettings>

export type ModeName = CommonValues['mode']
