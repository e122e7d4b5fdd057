/**
 * What goes over a connection, and nothing else: no logs, no metrics, no environment.
 *
 * - endpoint.ts     the URLs that say where to listen and whom to talk to
 * - protocol.ts     what a protocol is: a server's half and a client's half
 * - protocols.ts    the table of all protocols
 * - greet.ts, echo.ts, discard.ts, chargen.ts, probe.ts    one protocol each, both halves
 * - fixed-reply.ts  the client's half that greet and echo share, where all requests are the same
 * - varying-reply.ts    … and where they differ
 * - frame.ts        the frames of probe: encoding, and finding them in what comes in
 * - banner.ts       the line that a text server may send first
 * - proxy-header.ts what a proxy tells in front of a connection (PROXY protocol)
 * - tls.ts          certificates and keys: read from files, checked, and read again when they change
 */

export { afterBanner, bannerLine } from './banner.ts'
export { type Endpoint, type EndpointAddress, EndpointError, endpointUrl, parseEndpoints } from './endpoint.ts'
export {
  type Bytes,
  type ClientCodec,
  type ClientEvents,
  type ClientOptions,
  type ConnectionInfo,
  type ConnectionTotals,
  type Protocol,
  ProtocolError,
  type ProtocolErrorReason,
  protocolErrorReasons,
  Rejected,
  type ServerCodec,
  WrongReply,
} from './protocol.ts'
export { type ProtocolName, protocols } from './protocols.ts'
export {
  encodeProxyHeader,
  type ProxyAddress,
  type ProxyHeader,
  type ProxyHeaderError,
  type ProxyVersion,
  parseProxyHeader,
} from './proxy-header.ts'
export { type Credentials, CredentialsError, readCredentials, type TlsFiles, WatchedCredentials } from './tls.ts'
