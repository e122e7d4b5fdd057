import { defineSettings, oneOf, port, positiveDuration, text, type Values } from '@nihao/service'
import type { CommonValues } from './common.ts'

/** The settings of modes that run as a service. */
export const adminSettings = defineSettings({
  adminHost: { doc: 'Address of the admin HTTP endpoint; empty = all addresses, IPv6 and IPv4.', format: text, default: '' },
  adminPort: { doc: 'Port of the admin HTTP endpoint; 0 = any free port.', format: port, default: '9465' },
})

/** The settings of modes that look at where connections come from. */
export const sourceSettings = defineSettings({
  expectSource: {
    doc: 'Whether the server must see the own address of the client (kept), or that of NAT or a proxy (translated); any = either (probe).',
    format: oneOf('any', 'kept', 'translated'),
    default: 'any',
    perEndpoint: true,
  },
})

/** The settings of a mode that replaces a lost connection with backoff; probe has a scout instead. */
export const reconnectSettings = defineSettings({
  backoff: {
    doc: 'Maximum random delay before the first reconnection attempt; doubled after each failed attempt.',
    format: positiveDuration,
    default: '100ms',
    perEndpoint: true,
  },
  backoffMax: {
    doc: 'Maximum delay before a reconnection attempt.',
    format: positiveDuration,
    default: '1s',
    perEndpoint: true,
  },
})

export type ReconnectValues = CommonValues & Values<typeof reconnectSettings>
