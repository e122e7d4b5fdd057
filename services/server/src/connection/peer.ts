import type { Socket } from 'node:net'

/** The other end of a connection, as identified in limits, logs and reports. The peer of a Unix socket has no address. */
export interface Peer {
  readonly address: string | undefined
  readonly port: number | undefined
  /** The proxy, if `address` and `port` come from its PROXY header. */
  readonly via?: { readonly address: string | undefined; readonly port: number | undefined }
  /** Length of the PROXY header, which is not counted as received. */
  readonly headerBytes?: number
}

/** Returns IPv4 addresses without the prefix `::ffff:`, which dual-stack listeners add. */
export function peerOf(socket: Socket): Peer {
  return { address: socket.remoteAddress?.replace(/^::ffff:/, ''), port: socket.remotePort }
}

/** The fields that identify a peer in logs and in JSON. */
export function describePeer({ address, port, via }: Peer): object {
  return { remoteAddress: address, remotePort: port, ...(via && { via: { address: via.address, port: via.port } }) }
}
