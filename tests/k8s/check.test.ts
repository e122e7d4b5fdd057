import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import manifest from '../../package.json' with { type: 'json' }
import { limitOf } from '../../services/client/src/modes/check/check.ts'
import { checks } from '../../services/client/src/modes/check/checks.ts'
import { readConfig } from '../../services/client/src/settings.ts'

const COMPONENT = join(import.meta.dirname, '../../k8s/components/check')

const job = parse(readFileSync(join(COMPONENT, 'job.yaml'), 'utf8'))
const pod = job.spec.template.spec
const [container] = pod.containers

test('the Job says what the client understands, and its deadline is beyond all that it may take', () => {
  const { mode, wait, targetConfigs } = readConfig({ env: {}, args: container.args })
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

test('the Job is allowed in a namespace that is restricted', () => {
  expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false })
  expect(pod.securityContext).toEqual({
    runAsNonRoot: true,
    runAsUser: 65532,
    runAsGroup: 65532,
    seccompProfile: { type: 'RuntimeDefault' },
  })
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  })
})

const kubectl = spawnSync('kubectl', ['version', '--client']).error === undefined ? test : test.skip

kubectl('kubectl adds the Job to what a kustomization has', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nihao-'))
  try {
    symlinkSync(COMPONENT, join(folder, 'check'))
    writeFileSync(join(folder, 'kustomization.yaml'), 'namespace: nihao\ncomponents: [check]\n')
    const { stdout, stderr } = spawnSync('kubectl', ['kustomize', folder], { encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(parse(stdout)).toEqual({ ...job, metadata: { ...job.metadata, namespace: 'nihao' } })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
