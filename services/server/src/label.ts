import type { AddressInfo } from 'node:net'
import type { ProtocolName } from '@nihao/wire'

/** The properties of a listener that determine its label. */
export interface Labelled {
  readonly protocol: ProtocolName
  readonly encrypted: boolean
  /** The bound address; a path for a Unix socket. */
  readonly address: AddressInfo | string
}

/** The short label: the protocol and the bound port or path. */
export function shortLabel({ protocol, encrypted, address }: Labelled): string {
  return `${protocol}${encrypted ? '+tls' : ''}:${typeof address === 'string' ? address : address.port}`
}

/** Unique labels of all listeners for metrics and logs: with the address where several share a short label. */
export function uniqueLabels(listeners: readonly Labelled[]): string[] {
  const short = listeners.map(shortLabel)
  return listeners.map(({ protocol, encrypted, address }, index) => {
    const label = short[index] ?? ''
    const isUnique = short.indexOf(label) === short.lastIndexOf(label)
    return isUnique ? label : `${protocol}${encrypted ? '+tls' : ''}:${formatAddress(address)}`
  })
}

export function formatAddress(address: AddressInfo | string): string {
  if (typeof address === 'string') return address
  return address.family === 'IPv6' ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`
}
