import { defineSettings, port, positiveDuration, text } from '@nihao/service'

/** The settings of modes that can run as a service. */
export const adminSettings = defineSettings({
  adminHost: { doc: 'Address of the admin HTTP endpoint; empty = every address, IPv6 and IPv4.', format: text, default: '' },
  adminPort: { doc: 'Port of the admin HTTP endpoint; 0 = any free port.', format: port, default: '9465' },
})

/** The settings of modes that replace a lost connection. */
export const reconnectSettings = defineSettings({
  backoff: {
    doc: 'Maximum random delay before the first attempt to reconnect; it doubles with every failed attempt.',
    format: positiveDuration,
    default: '100ms',
    perEndpoint: true,
  },
  backoffMax: {
    doc: 'Maximum delay before an attempt to reconnect.',
    format: positiveDuration,
    default: '1s',
    perEndpoint: true,
  },
})
