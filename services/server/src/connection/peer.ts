import type { Socket } from 'node:net'

/** The other end of a connection, as limits, logs and reports name it. A Unix socket's peer has no address. */
export interface Peer {
  readonly address: string | undefined
  readonly port: number | undefined
  /** The proxy in between, where `address` and `port` come from its PROXY header. */
  readonly via?: { readonly address: string | undefined; readonly port: number | undefined }
  /** Length of the PROXY header, which does not count as received. */
  readonly headerBytes?: number
}

/** An IPv4 address reads the same on a dual-stack listener as on an IPv4 one. */
export function peerOf(socket: Socket): Peer {
  return { address: socket.remoteAddress?.replace(/^::ffff:/, ''), port: socket.remotePort }
}

/** The fields that name a peer in logs and in JSON. */
export function describePeer({ address, port, via }: Peer): object {
  return { remoteAddress: address, remotePort: port, ...(via && { via: { address: via.address, port: via.port } }) }
}
