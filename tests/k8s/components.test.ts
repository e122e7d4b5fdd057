import { readdirSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import manifest from '../../package.json' with { type: 'json' }
import { testWith } from '../process/support/tool.ts'
import { find, isWorkload, type Manifest, readYaml, renderAll, restrictedPod } from './manifests.ts'
import { invalidValues, unknownFields } from './schemas.ts'
import { clientConfig, hostOf, isServer, jobs, names, offer, render, serverConfig } from './workloads.ts'

/** These only add objects. They are all there or all absent: together they show that they do not get in each other's way. */
const additions = [...jobs, 'monitoring', 'network-policy']
/** `tls` is last, as its comment demands. */
const others = [...names.filter(name => !additions.includes(name) && name !== 'tls'), 'tls']

/** Every set of the members, in their order. */
const subsets = (members: readonly string[]): string[][] =>
  members.reduce((sets, member) => sets.concat(sets.map(set => [...set, member])), [[]] as string[][])

const combinations = [[], additions].flatMap(chosen => subsets(others).map(set => [...chosen, ...set]))

test('the combinations are of all components that exist', () => {
  expect(combinations.at(-1)?.toSorted()).toEqual(names)
  expect(combinations).toHaveLength(2 ** (others.length + 1))
})

testWith('kubectl', 'every combination of components renders valid and consistent objects', async () => {
  const rendered = render(...combinations)
  for (const [index, components] of combinations.entries()) expectConsistent(components, rendered[index] ?? [])
  const distinct = [...new Set(rendered.flat())]
  expect(invalidValues(distinct)).toEqual([])
  expect(unknownFields(distinct)).toEqual([])
})

function expectConsistent(components: readonly string[], objects: readonly Manifest[]) {
  const workloads = objects.filter(isWorkload)
  expect(workloads.map(({ metadata }) => metadata.name).toSorted()).toEqual(
    ['client', 'server', ...jobs.filter(name => components.includes(name))].toSorted(),
  )
  for (const { metadata } of objects) {
    if (metadata.labels['app.kubernetes.io/version'] === undefined) continue
    expect(metadata.labels['app.kubernetes.io/version']).toBe(manifest.version)
  }
  const listeners = serverConfig(find(workloads, components.includes('mesh') ? 'DaemonSet' : 'Deployment', 'server')).listeners
  const offered = listeners.map(({ endpoint }) => offer(endpoint))
  for (const workload of workloads) {
    expect(workload.spec.template.spec).toMatchObject(restrictedPod)
    if (isServer(workload)) continue
    for (const { endpoint } of clientConfig(workload).targetConfigs) {
      expect(offered).toContainEqual(offer(endpoint))
      expect(['server', 'server-pods']).toContain(hostOf(endpoint))
    }
  }
}

testWith('kubectl', 'the order of the components does not matter, except that tls comes after the Jobs', async () => {
  const most = names.filter(name => !jobs.includes(name) && name !== 'tls')
  const [expected, ...rendered] = render(
    [...jobs, ...most, 'tls'],
    [...jobs, 'tls', ...most],
    ['load', 'idle', 'check', 'tls', ...most.toReversed()],
  )
  const sorted = (objects: readonly Manifest[] = []) =>
    objects.map(object => JSON.stringify(object, (_, value) => (isNamed(value) ? value.toSorted(byName) : value))).toSorted()
  for (const objects of rendered) expect(sorted(objects)).toEqual(sorted(expected))
})

type Named = readonly { readonly name: string }[]
const isNamed = (value: unknown): value is Named => Array.isArray(value) && value.every(item => item?.name !== undefined)
const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)

testWith('kubectl', 'the schemas find wrong values and unknown fields', async () => {
  const [[...objects] = []] = render(['autoscaling', 'monitoring', 'cert-manager'])
  const wrong = objects.flatMap(object => [
    { ...object, spec: { ...(object.spec as object), unknown: 1 } } as unknown as Manifest,
  ])
  expect(unknownFields(wrong).filter(line => line.includes('unknown'))).toHaveLength(objects.length)
  const monitor = find(objects, 'PodMonitor')
  const interval = { ...monitor, spec: { ...monitor.spec, podMetricsEndpoints: [{ port: 'admin', interval: 'often' }] } }
  const replicas = { ...find(objects, 'Deployment', 'server'), spec: { replicas: 'two' } }
  expect(invalidValues([interval, replicas as unknown as Manifest])).toHaveLength(2)
})

describe('examples', () => {
  const folders = readdirSync('k8s/examples')

  testWith('kubectl', 'render in the namespace of their base, with what their components need', async () => {
    expect(folders).toEqual(['dev', 'mesh', 'production'])
    for (const folder of folders) {
      const { components } = readYaml<{ components: string[] }>(`k8s/examples/${folder}/kustomization.yaml`)
      const chosen = components.map(path => path.replace('../../components/', ''))
      const [objects = []] = renderAll([{ resources: [`k8s/examples/${folder}`] }])
      expectConsistent(chosen, objects)
      if (chosen.includes('tls')) expect(chosen).toContain('cert-manager')
    }
  })
})
