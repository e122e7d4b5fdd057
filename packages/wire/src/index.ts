/**
 * What goes over a connection, and nothing else: no logs, no metrics, no environment.
 *
 * - endpoint.ts     the URLs that say where to listen and whom to talk to
 * - protocol.ts     what a protocol is: a server's half and a client's half
 * - protocols.ts    the table of all protocols
 * - greet.ts, echo.ts, discard.ts    one protocol each, both halves
 * - fixed-reply.ts  the client's half that greet and echo share
 */
export { type Endpoint, type EndpointAddress, EndpointError, endpointUrl, parseEndpoints } from './endpoint.ts'
export {
  type AskOptions,
  type Bytes,
  type ClientHalf,
  type Protocol,
  type ServeOptions,
  type ServerHalf,
  WrongReply,
} from './protocol.ts'
export { type ProtocolName, protocols } from './protocols.ts'
