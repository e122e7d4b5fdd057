/**
 * Wire formats and nothing else: no sockets, no logs, no metrics, no environment.
 *
 * - endpoint.ts      URLs of listeners and targets
 * - protocol.ts      the interface of a protocol: a server codec and a client codec
 * - errors.ts        errors thrown by codecs
 * - protocols/       one file per protocol, and the table of all of them
 * - probe/           the frames and both codecs of probe
 * - constant-reply-matcher.ts, varying-reply-matcher.ts
 *                    client codecs shared by greet and echo, for identical or varying requests
 * - banner.ts        the line that a text server may send first
 * - proxy-header.ts  the PROXY protocol, which conveys a proxied client's address
 * - tls.ts           certificates and keys, reloaded when their files change
 */

export { afterBanner, bannerLine } from './banner.ts'
export { type Endpoint, type EndpointAddress, EndpointError, endpointUrl, parseEndpoints } from './endpoint.ts'
export {
  type CorruptedDirection,
  ProtocolError,
  type ProtocolErrorReason,
  protocolErrorReasons,
  Rejected,
  WrongReply,
} from './errors.ts'
export type {
  Bytes,
  ClientCodec,
  ClientEvents,
  ClientOptions,
  ConnectionInfo,
  ConnectionTotals,
  EndedConnection,
  Protocol,
  ServerClock,
  ServerCodec,
  ServerContext,
} from './protocol.ts'
export { type ProtocolName, protocols } from './protocols/index.ts'
export {
  type ProxyAddress,
  type ProxyHeader,
  type ProxyHeaderError,
  type ProxyVersion,
  parseProxyHeader,
} from './proxy-header.ts'
export { encodeProxyHeader } from './proxy-header-encoder.ts'
export { type Credentials, CredentialsError, readCredentials, type TlsFiles, WatchedCredentials } from './tls.ts'
