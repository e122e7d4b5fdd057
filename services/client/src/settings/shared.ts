import { defineSettings, port, positiveDuration, text, type Values } from '@nihao/service'
import type { CommonValues } from './common.ts'

/** The settings of modes that run as a service. */
export const adminSettings = defineSettings({
  adminHost: { doc: 'Address of the admin HTTP endpoint; empty = all addresses, IPv6 and IPv4.', format: text, default: '' },
  adminPort: { doc: 'Port of the admin HTTP endpoint; 0 = any free port.', format: port, default: '9465' },
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
