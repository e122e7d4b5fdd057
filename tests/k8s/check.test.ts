import { expect, test } from '@jest/globals'
import manifest from '../../package.json' with { type: 'json' }
import { limitOf } from '../../services/client/src/check/check.ts'
import { checks } from '../../services/client/src/check/checks.ts'
import { modes, readModeConfig } from '../../services/client/src/settings.ts'
import { testWith } from '../process/support/tool.ts'
import { expandedArgs, find, type Job, Kustomization, objectsOf, restrictedPod } from './manifests.ts'

const job = find(objectsOf('k8s/components/check'), 'Job')
const pod = job.spec.template.spec
const [container] = pod.containers
const config = ({ spec }: Job) => readModeConfig(modes.check, { env: {}, args: expandedArgs(spec.template.spec.containers[0]) })
const hosts = (job: Job) => config(job).targetConfigs.map(({ endpoint: { address } }) => 'host' in address && address.host)

test('the arguments of the Job are valid, and its deadline is later than the wait and all checks combined', () => {
  const { mode, wait, targetConfigs } = config(job)
  expect([mode, targetConfigs.length]).toEqual(['check', 2])
  const limitsMs = targetConfigs.flatMap(({ values }) => Object.values(checks).map(check => limitOf(check, values)))
  const checksMs = limitsMs.reduce((sum, limitMs) => sum + limitMs, 0)
  expect(job.spec.activeDeadlineSeconds * 1_000).toBeGreaterThan(wait + checksMs)
})

test('the Job runs the image of this version once, and fails with it', () => {
  expect(container.image).toBe(`nihao-client:${manifest.version}`)
  for (const { labels } of [job.metadata, job.spec.template.metadata]) {
    expect(labels['app.kubernetes.io/version']).toBe(manifest.version)
  }
  expect([job.spec.backoffLimit, pod.restartPolicy]).toEqual([0, 'Never'])
})

test('the Job stays within the Pod Security Standard restricted', () => {
  expect(pod).toMatchObject(restrictedPod)
})

testWith('kubectl', 'the component adds the Job where the server is, under the name that the Service has there', async () => {
  const [resources, components] = [['k8s/base'], ['k8s/components/check']]
  for (const [fields, namespace, name, host] of [
    [{}, 'nihao', 'check', 'server'],
    [{ namespace: 'other' }, 'other', 'check', 'server'],
    [{ namePrefix: 'dev-' }, 'nihao', 'dev-check', 'dev-server'],
  ] as const) {
    using kustomization = new Kustomization({ resources, components, ...fields })
    const rendered = find(kustomization.render(), 'Job')
    expect(rendered.metadata).toEqual({ ...job.metadata, name, namespace })
    expect(hosts(rendered)).toEqual([host, host])
  }
})
