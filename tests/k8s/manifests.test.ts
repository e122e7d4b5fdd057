import { spawnSync } from 'node:child_process'
import { describe, expect, test } from '@jest/globals'
import { variablesOf } from '@nihao/service'
import { parseAllDocuments } from 'yaml'
import manifest from '../../package.json' with { type: 'json' }
import * as client from '../../services/client/src/settings.ts'
import * as server from '../../services/server/src/settings.ts'
import { AdministeredService } from '../process/support/admin.ts'
import { until } from '../process/support/until.ts'
import { base, type Deployment, find, type Manifest, renderBase } from './manifests.ts'

const pod = ({ spec }: Deployment) => spec.template.spec
const container = (deployment: Deployment) => pod(deployment).containers[0]
const environment = (deployment: Deployment) =>
  Object.fromEntries((container(deployment).env ?? []).map(({ name, value }) => [name, value]))

const deployments = { server: find('Deployment', 'server'), client: find('Deployment', 'client') }
/** What each service makes of the variables that its container gets; it throws where they are wrong. */
const serverConfig = server.readConfig({ env: environment(deployments.server), args: [] })
const clientConfig = client.readModeConfig(client.modes.probe, { env: environment(deployments.client), args: [] })

const kubectl = spawnSync('kubectl', ['kustomize', base], { encoding: 'utf8' })
const testWithKubectl = kubectl.error === undefined ? test : test.skip

testWithKubectl('kubectl makes of the base what these tests look at', () => {
  const byName = (objects: Manifest[]) =>
    Object.fromEntries(objects.map(object => [`${object.kind} ${object.metadata.name}`, object]))
  const rendered = parseAllDocuments(kubectl.stdout).map(document => document.toJS() as Manifest)
  expect(byName(rendered)).toEqual(byName(renderBase()))
})

describe.each([
  ['server', deployments.server, server.settings, serverConfig, 'echo://127.0.0.1:0'],
  ['client', deployments.client, client.modes.probe.settings, clientConfig, 'echo://127.0.0.1:1'],
] as const)('the Deployment of the %s', (name, deployment, settings, config, endpoint) => {
  test('sets what is a setting, and nothing else', () => {
    expect(variablesOf(settings)).toEqual(expect.arrayContaining(Object.keys(environment(deployment))))
  })

  test('runs the image of this version, from the node if it is there', () => {
    expect(container(deployment).image).toBe(`nihao-${name}:${manifest.version}`)
    expect(container(deployment).imagePullPolicy).toBe('IfNotPresent')
    for (const { labels } of [deployment.metadata, deployment.spec.template.metadata]) {
      expect(labels).toEqual({
        'app.kubernetes.io/name': `nihao-${name}`,
        'app.kubernetes.io/part-of': 'nihao',
        'app.kubernetes.io/version': manifest.version,
      })
    }
  })

  test('selects its own pods, by what a new version does not change', () => {
    expect(deployment.spec.selector.matchLabels).toEqual({ 'app.kubernetes.io/name': `nihao-${name}` })
  })

  test('has its probes and its scrapes where the admin endpoint answers', async () => {
    const { startupProbe, livenessProbe, readinessProbe, ports } = container(deployment)
    const probes = [startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet)
    expect(probes.map(({ path }) => path)).toEqual(['/livez', '/livez', '/readyz'])
    expect(new Set(probes.map(({ port }) => port))).toEqual(new Set(['admin']))
    expect(ports.find(({ name }) => name === 'admin')?.containerPort).toBe(config.adminPort)

    const { annotations } = deployment.spec.template.metadata
    expect(annotations).toMatchObject({ 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(config.adminPort) })

    const env = { NIHAO_ADMIN_HOST: '127.0.0.1', NIHAO_ADMIN_PORT: '0' }
    await using service = await new AdministeredService(`services/${name}/src/main.ts`, { env, args: [endpoint] }).started()
    for (const path of [...probes.map(({ path }) => path), annotations['prometheus.io/path']]) {
      await until(`${path} answers`, async () => (await service.page(path ?? '')).status === 200)
    }
  })

  test('is given memory, and no limit of CPU', () => {
    expect(Object.keys(container(deployment).resources.requests)).toEqual(['cpu', 'memory'])
    expect(Object.keys(container(deployment).resources.limits)).toEqual(['memory'])
  })
})

test('the server has a named port for each listener, and the Service leads there', () => {
  const listening = serverConfig.listeners.map(({ endpoint: { protocol, address } }) => [
    protocol,
    'port' in address && address.port,
  ])
  const { ports } = container(deployments.server)
  expect(ports.map(({ name, containerPort }) => [name, containerPort])).toEqual([...listening, ['admin', serverConfig.adminPort]])
  expect(find('Service').spec.ports.map(({ targetPort, port }) => [targetPort, port])).toEqual(listening)
  expect(find('Service').spec.selector).toEqual(deployments.server.spec.selector.matchLabels)
})

test('the client talks to the Service, in the protocol of each port', () => {
  const { metadata, spec } = find('Service')
  const offered = spec.ports.map(({ name, port }) => ({ protocol: name, address: { host: metadata.name, port } }))
  expect(clientConfig.targetConfigs.map(({ endpoint: { protocol, address } }) => ({ protocol, address }))).toEqual(offered)
})

test('the grace period is longer than the whole drain', () => {
  const drainMs = serverConfig.drainDelay + serverConfig.drainTimeout
  expect((pod(deployments.server).terminationGracePeriodSeconds ?? 30) * 1_000).toBeGreaterThan(drainMs)
})

test('a rollout and the emptying of nodes leave a server standing', () => {
  const { replicas, strategy } = deployments.server.spec
  expect(replicas).toBe(2)
  expect(strategy?.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 })
  const { maxUnavailable, selector } = find('PodDisruptionBudget').spec
  expect(maxUnavailable).toBeLessThan(replicas)
  expect(maxUnavailable).toBeGreaterThan(0)
  expect(selector).toEqual(deployments.server.spec.selector)
})

test('no Service has a name that other pods would see as a setting', () => {
  const variable = find('Service').metadata.name.toUpperCase().replaceAll('-', '_')
  expect(variable).not.toMatch(/^NIHAO/)
})

test('everything is in the namespace', () => {
  const namespaced = renderBase().filter(({ kind }) => kind !== 'Namespace')
  expect(namespaced).toHaveLength(4)
  expect(new Set(namespaced.map(({ metadata }) => metadata.namespace))).toEqual(new Set([find('Namespace').metadata.name]))
})
