import { describe, expect, test } from '@jest/globals'
import { environmentName } from '@nihao/service'
import manifest from '../../package.json' with { type: 'json' }
import * as client from '../../services/client/src/settings.ts'
import * as server from '../../services/server/src/settings.ts'
import { AdministeredService } from '../process/support/admin.ts'
import { testWith } from '../process/support/tool.ts'
import { until } from '../process/support/until.ts'
import {
  type Deployment,
  environment,
  expandedArgs,
  find,
  Kustomization,
  type Manifest,
  objectsOf,
  restrictedPod,
  type Service,
} from './manifests.ts'

const base = objectsOf('k8s/base')
const pod = ({ spec }: Deployment) => spec.template.spec
const container = (deployment: Deployment) => pod(deployment).containers[0]

const deployments = { server: find(base, 'Deployment', 'server'), client: find(base, 'Deployment', 'client') }
const service = find(base, 'Service', 'server')
const headless = find(base, 'Service', 'server-pods')
/** What a program reads. */
const settingsOf = (deployment: Deployment) => ({
  env: environment(container(deployment)),
  args: expandedArgs(container(deployment)),
})
/** How each program reads its container's variables; this throws if one is invalid. */
const serverConfig = server.readConfig({ env: environment(container(deployments.server)), args: [] })
const clientConfig = client.readModeConfig(client.modes.probe, settingsOf(deployments.client))

describe.each([
  ['server', deployments.server, server.settings, serverConfig, 'echo://127.0.0.1:0'],
  ['client', deployments.client, client.modes.probe.settings, clientConfig, 'echo://127.0.0.1:1'],
] as const)('the Deployment of the %s', (name, deployment, settings, config, endpoint) => {
  test('sets no NIHAO_* variable that is not a setting', () => {
    const variables = Object.keys(environment(container(deployment))).filter(name => name.startsWith('NIHAO_'))
    expect(Object.keys(settings).map(environmentName)).toEqual(expect.arrayContaining(variables))
  })

  test('runs the image of this version, pulled only if the node lacks it', () => {
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

  test('selects its pods by a label that stays the same in the next version', () => {
    expect(deployment.spec.selector.matchLabels).toEqual({ 'app.kubernetes.io/name': `nihao-${name}` })
  })

  test('probes and scrapes paths that the admin endpoint serves, at its port', async () => {
    const { startupProbe, livenessProbe, readinessProbe, ports } = container(deployment)
    const probes = [startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet)
    expect(probes).toEqual(['/livez', '/livez', '/readyz'].map(path => ({ path, port: 'admin' })))
    expect(ports.find(({ name }) => name === 'admin')?.containerPort).toBe(config.adminPort)

    const { annotations } = deployment.spec.template.metadata
    expect(annotations).toMatchObject({ 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(config.adminPort) })

    const env = { NIHAO_ADMIN_HOST: '127.0.0.1', NIHAO_ADMIN_PORT: '0' }
    await using service = await new AdministeredService(`services/${name}/src/main.ts`, { env, args: [endpoint] }).started()
    for (const path of [...probes.map(({ path }) => path), annotations['prometheus.io/path']]) {
      await until(`${path} answers`, async () => (await service.page(path ?? '')).status === 200)
    }
  })

  test('has a memory limit and no CPU limit', () => {
    expect(Object.keys(container(deployment).resources.requests)).toEqual(['cpu', 'memory'])
    expect(Object.keys(container(deployment).resources.limits)).toEqual(['memory'])
  })

  test('replaces pods one at a time, each only when its successor stays ready', () => {
    expect(deployment.spec).toMatchObject({
      // Without the explicit type, every apply reports a change.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      minReadySeconds: expect.any(Number),
      progressDeadlineSeconds: expect.any(Number),
      revisionHistoryLimit: expect.any(Number),
    })
  })

  test('keeps its pods within the Pod Security Standard restricted', () => {
    expect(pod(deployment)).toMatchObject(restrictedPod)
  })
})

test('the namespace enforces the Pod Security Standard restricted', () => {
  const { labels } = find(base, 'Namespace').metadata
  for (const mode of ['enforce', 'audit', 'warn']) expect(labels[`pod-security.kubernetes.io/${mode}`]).toBe('restricted')
})

test('the server has a named port for each listener, and the Service forwards to each of them and to the admin port', () => {
  const listening = serverConfig.listeners.map(({ endpoint: { protocol, address } }) => [
    protocol,
    'port' in address && address.port,
  ])
  const expected = [...listening, ['admin', serverConfig.adminPort]]
  const { ports } = container(deployments.server)
  expect(ports.map(({ name, containerPort }) => [name, containerPort])).toEqual(expected)
  expect(service.spec.ports.map(({ targetPort, port }) => [targetPort, port])).toEqual(expected)
  expect(service.spec.selector).toEqual(deployments.server.spec.selector.matchLabels)
  expect(service.spec.ipFamilyPolicy).toBe('PreferDualStack')
})

/** A port of a Service, as an endpoint. */
const endpoint = ({ metadata, spec }: Service, protocol: string) => ({
  protocol,
  address: { host: metadata.name, port: spec.ports.find(({ name }) => name === protocol)?.port },
})

const targetsOf = (deployment: Deployment) =>
  client
    .readModeConfig(client.modes.probe, settingsOf(deployment))
    .targetConfigs.map(({ endpoint: { protocol, address }, values }) => ({ protocol, address, resolve: values.resolve }))

test('the server has the memory with which a container test has 5,000 hostile connections, and as much for buffers in the kernel', () => {
  expect(serverConfig.maxConnections).toBe(5_000)
  expect(serverConfig.maxBufferedTotal).toBe((512 * 2 ** 20) / 4)
  expect(container(deployments.server).resources.limits.memory).toBe('1Gi')
})

test('the client watches the address of the Service and, by the headless one, every pod', () => {
  expect(targetsOf(deployments.client)).toEqual([
    { ...endpoint(service, 'greet'), resolve: 'first' },
    { ...endpoint(headless, 'probe'), resolve: 'all' },
  ])
  expect(headless.spec).toMatchObject({ clusterIP: 'None', selector: service.spec.selector, ipFamilyPolicy: 'PreferDualStack' })
  for (const port of headless.spec.ports) expect(service.spec.ports).toContainEqual(port)
})

test('the grace period is longer than the whole drain', () => {
  const drainMs = serverConfig.drainDelay + serverConfig.drainTimeout
  expect((pod(deployments.server).terminationGracePeriodSeconds ?? 30) * 1_000).toBeGreaterThan(drainMs)
})

test('the number of pods is left to kubectl scale or an autoscaler, and draining a node evicts one server at a time', () => {
  for (const { spec } of Object.values(deployments)) expect(spec).not.toHaveProperty('replicas')
  expect(find(base, 'PodDisruptionBudget').spec).toEqual({
    // With a single replica, minAvailable: 1 would block the drain of its node.
    maxUnavailable: 1,
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
    selector: deployments.server.spec.selector,
  })
})

test('no Service has a name that other pods would see as a setting', () => {
  for (const { metadata } of [service, headless]) expect(metadata.name.toUpperCase()).not.toMatch(/^NIHAO/)
})

const namespacesOf = (objects: Manifest[]) =>
  new Set(objects.map(({ kind, metadata: { name, namespace } }) => (kind === 'Namespace' ? name : namespace)))

testWith('kubectl', 'kustomize puts everything into the namespace', async () => {
  using kustomization = new Kustomization({ resources: ['k8s/base'] })
  const rendered = kustomization.render()
  expect(rendered).toHaveLength(base.length)
  expect(namespacesOf(rendered)).toEqual(new Set(['nihao']))
})

testWith('kubectl', 'a name prefix renames the target of the client with the Service', async () => {
  using kustomization = new Kustomization({ resources: ['k8s/base'], namePrefix: 'dev-', namespace: 'other' })
  const rendered = kustomization.render()
  expect(namespacesOf(rendered)).toEqual(new Set(['other']))
  const [greet, probe] = targetsOf(find(rendered, 'Deployment', 'dev-client'))
  expect(greet).toMatchObject(endpoint(find(rendered, 'Service', 'dev-server'), 'greet'))
  expect(probe).toMatchObject(endpoint(find(rendered, 'Service', 'dev-server-pods'), 'probe'))
})
