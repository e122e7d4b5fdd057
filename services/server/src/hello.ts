import type { ConnectionInfo } from '@nihao/wire'
import type { Peer } from './connection/peer.ts'
import { formatAddress } from './label.ts'
import type { Listener } from './listener.ts'

/** How a server identifies itself to its clients. */
export interface Identity {
  readonly server: string
  readonly release: string
  /** Random; differs for each process. */
  readonly boot: string
}

/** Information for a client about the listener and the connection just accepted. */
export function connectionInfo(identity: Identity, listener: Listener, id: number, { address, port, via }: Peer): ConnectionInfo {
  return {
    ...identity,
    connection: id,
    listener: listener.label,
    address: formatAddress(listener.address),
    peer: address === undefined ? undefined : `${address}:${port}`,
    ...(via && { via: via.address === undefined ? 'unix' : `${via.address}:${via.port}` }),
    connections: listener.active + 1,
    limit: finite(listener.limit),
  }
}

/** JSON has no Infinity: null = no limit. */
export function finite(limit: number): number | null {
  return Number.isFinite(limit) ? limit : null
}
