import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import { page } from '../docs/pages.ts'
import { testWith } from '../process/support/tool.ts'
import { alerts, RULES } from './rules.ts'

const promtool = async (...args: string[]) => (await promisify(execFile)('promtool', args)).stdout

testWith('promtool', 'promtool accepts the rules', async () => {
  expect(await promtool('check', 'rules', '--lint-fatal', RULES)).toContain('SUCCESS')
})

const testFiles = ['monitoring/rules.test.yml', 'monitoring/rules.days.test.yml']

testWith('promtool', 'each alert fires when it should, and none fires during a rollout', async () => {
  const run = async (path: string) => expect(await promtool('test', 'rules', path)).toContain('SUCCESS')
  await Promise.all(testFiles.map(run))
})

const expectations = testFiles.map(path => readFileSync(path, 'utf8')).join('\n')

describe.each(alerts.map(alert => [alert.alert, alert] as const))('%s', (name, { labels, annotations }) => {
  test('is expected to fire in a test of the rules', () => {
    expect(expectations).toContain(`ALERTS{alertname="${name}",alertstate="firing",severity="${labels?.severity}"`)
  })

  test('says what it means, how urgent it is, and where to read on', () => {
    expect(['page', 'ticket']).toContain(labels?.severity)
    expect(annotations).toEqual({
      summary: expect.stringContaining('{{'),
      description: expect.stringMatching(/\.$/),
      runbook_url: `docs/runbook.md#${name.toLowerCase()}`,
    })
  })
})

test('the runbook has one section for each alert, in the same order', () => {
  const headings = [...page('docs/runbook.md').matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)
  expect(headings).toEqual(alerts.map(({ alert }) => alert))
})

test('every section of the runbook says what the alert means, what to look at, and what it usually is', () => {
  const [, ...sections] = page('docs/runbook.md').split(/^## /m)
  const incomplete = sections.filter(section => !/\*\*Means:\*\*.*\*\*Look at:\*\*.*\*\*Usually:\*\*/s.test(section))
  expect(incomplete).toEqual([])
})
