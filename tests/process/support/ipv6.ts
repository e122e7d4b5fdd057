import { networkInterfaces } from 'node:os'

/** IPv6 can be disabled for all interfaces, as in many containers; a socket can then be bound to `::`, but nothing reaches `::1`. */
export const hasIpv6 = Object.values(networkInterfaces()).some(addresses => addresses?.some(({ address }) => address === '::1'))
