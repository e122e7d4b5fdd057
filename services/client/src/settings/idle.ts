import { defineSettings, duration, durations, oneOf, type Values, wholeSeconds } from '@nihao/service'
import { commonSettings } from './common.ts'
import type { Mode, ModeConfig } from './mode.ts'
import { adminSettings } from './shared.ts'

const settings = defineSettings({
  ...commonSettings,
  rungs: {
    doc: 'Idle times to test, each on its own connection.',
    format: durations,
    default: '10s,30s,1m,2m,5m,10m,15m',
  },
  keepAlive: {
    doc: 'Idle time before the kernel sends TCP keep-alive probes, tested on a second series of connections; 0s = no second series.',
    format: wholeSeconds,
    default: '15s',
    perEndpoint: true,
  },
  repeat: {
    doc: 'Pause before testing again, with results as metrics on the admin endpoint; 0s = test once and print a report.',
    format: duration,
    default: '0s',
  },
  report: { doc: 'Format of the report on stdout.', format: oneOf('text', 'json'), default: 'text' },
  ...adminSettings,
})

export type IdleValues = Values<typeof settings>
export type IdleConfig = ModeConfig<'idle', IdleValues>

export const idleMode: Mode<'idle', IdleValues> = {
  name: 'idle',
  summary: 'find the idle timeout of the path to each target',
  settings,
  validateTarget: ({ endpoint: { protocol } }) =>
    protocol === 'discard' || protocol === 'chargen'
      ? [`${protocol} does not reply: the idle test requires greet, echo or probe`]
      : [],
}
