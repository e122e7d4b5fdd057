import { describe, expect, test } from '@jest/globals'
import manifest from '../../package.json' with { type: 'json' }
import { find, objectsOf, restrictedPod } from './manifests.ts'
import { clientConfig, containerOf } from './workloads.ts'

describe.each(['load', 'idle'] as const)('%s', name => {
  const job = find(objectsOf(`k8s/components/${name}`), 'Job')
  const config = clientConfig(job)

  test('runs once; only a server out of reach is a reason to try again', () => {
    expect(containerOf(job).image).toBe(`nihao-client:${manifest.version}`)
    expect(job.spec).toMatchObject({
      podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'NotIn', values: [3] } }] },
      template: { spec: { restartPolicy: 'Never' } },
    })
    expect(job.spec.template.spec).toMatchObject(restrictedPod)
  })

  test('ends before its deadline', () => {
    const longestMs = config.mode === 'idle' ? Math.max(...config.rungs) : config.mode === 'load' ? config.duration : 0
    expect(config.mode).toBe(name)
    expect(job.spec.activeDeadlineSeconds * 1_000).toBeGreaterThan(1.5 * longestMs)
  })
})

test('the load has a duration and thresholds', () => {
  expect(clientConfig(find(objectsOf('k8s/components/load'), 'Job'))).toMatchObject({
    duration: 60_000,
    maxP99: 100,
    maxFailures: 0,
  })
})
