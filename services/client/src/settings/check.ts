import { defineSettings, duration, oneOf, positiveDuration, someOf, type Values } from '@nihao/service'
import { checkNames, selectChecks } from '../check-names.ts'
import { commonSettings } from './common.ts'
import type { Mode, ModeConfig } from './mode.ts'
import { sourceSettings } from './shared.ts'

const checkList = { name: 'checks', ...someOf(...checkNames) }

const settings = defineSettings({
  ...commonSettings,
  only: { doc: 'Checks to run; empty = all.', format: checkList, default: '' },
  skip: { doc: 'Checks to skip.', format: checkList, default: '' },
  wait: {
    doc: 'Maximum time to wait for the first successful exchange with each target before the checks start.',
    format: duration,
    default: '0s',
  },
  checkTimeout: {
    doc: 'Time limit of each check. Within it, timeout limits connecting and single exchanges.',
    format: positiveDuration,
    default: '10s',
    perEndpoint: true,
  },
  checkIdle: {
    doc: 'Silence a connection must survive.',
    format: positiveDuration,
    default: '3s',
    perEndpoint: true,
  },
  ...sourceSettings,
  report: { doc: 'Format of the report on stdout.', format: oneOf('text', 'json', 'junit', 'tap'), default: 'text' },
})

export type CheckValues = Values<typeof settings>
export type CheckConfig = ModeConfig<'check', CheckValues>

export const checkMode: Mode<'check', CheckValues> = {
  name: 'check',
  summary: 'run a list of checks against each target; report failures and their likely causes',
  settings,
  validate: ({ only, skip }) => (selectChecks(only, skip).length === 0 ? ['NIHAO_ONLY, NIHAO_SKIP: no check left to run'] : []),
}
