import { describe, expect, test } from '@jest/globals'
import { testWith } from '../process/support/tool.ts'
import { find, isWorkload, Kustomization, objectsOf, readText, readYaml, renderAll } from './manifests.ts'
import { clientConfig, containerOf, hostOf, isServer, jobs, paths, render, serverConfig } from './workloads.ts'

describe('mesh', () => {
  testWith('kubectl', 'runs both programs on every node, and names the servers by their node', async () => {
    const [objects = []] = render(['mesh'])
    for (const name of ['server', 'client']) {
      const daemonSet = find(objects, 'DaemonSet', name)
      const { spec } = daemonSet
      expect(spec).toMatchObject({ template: { spec: { tolerations: [{ operator: 'Exists' }] } } })
      expect(spec).not.toHaveProperty('strategy')
      expect(containerOf(daemonSet).env).toContainEqual({
        name: 'NIHAO_IDENTITY',
        valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } },
      })
    }
    const { mode, targetConfigs } = clientConfig(find(objects, 'DaemonSet', 'client'))
    expect(mode).toBe('probe')
    expect(targetConfigs).toMatchObject([
      {
        endpoint: { protocol: 'probe', address: { host: 'server-pods' } },
        values: { resolve: 'all', peers: 32, skipSelf: true, peerLabel: 'server' },
      },
    ])
    expect(objects.map(({ kind }) => kind)).not.toContain('Deployment')
    expect(objects.map(({ kind }) => kind)).not.toContain('PodDisruptionBudget')
  })
})

describe('autoscaling', () => {
  testWith('kubectl', 'scales the server, whose connections have a maximum age', async () => {
    const [objects = []] = render(['autoscaling'])
    const deployment = find(objects, 'Deployment', 'server')
    const { spec } = find(objects, 'HorizontalPodAutoscaler')
    expect(spec.scaleTargetRef).toEqual({ apiVersion: 'apps/v1', kind: 'Deployment', name: deployment.metadata.name })
    const maxAges = serverConfig(deployment).listeners.map(({ values }) => values.maxAge)
    const { stabilizationWindowSeconds } = (spec as unknown as { behavior: { scaleDown: Record<string, number> } }).behavior
      .scaleDown
    for (const maxAge of maxAges) {
      expect(maxAge).toBeGreaterThan(0)
      expect((stabilizationWindowSeconds ?? 0) * 1_000).toBeGreaterThanOrEqual(maxAge)
    }
  })
})

describe('tls', () => {
  testWith('kubectl', 'mounts a whole Secret, which cert-manager issues for the names that clients verify', async () => {
    const [objects = []] = render([...jobs, 'cert-manager', 'tls'])
    const certificate = find(objects, 'Certificate', 'server').spec
    for (const workload of objects.filter(isWorkload)) {
      const { volumes } = workload.spec.template.spec as unknown as {
        volumes: { secret: { secretName: string; items?: { path: string }[] } }[]
      }
      expect(volumes).toMatchObject([{ name: 'tls', secret: { secretName: certificate.secretName } }])
      // The private key stays with the server.
      expect(volumes[0]?.secret.items?.map(({ path }) => path)).toEqual(isServer(workload) ? undefined : ['ca.crt'])
      expect(containerOf(workload)).toMatchObject({ volumeMounts: [{ name: 'tls', mountPath: '/tls', readOnly: true }] })
      expect(JSON.stringify(workload)).not.toContain('subPath')
      if (isServer(workload)) continue
      for (const { endpoint } of clientConfig(workload).targetConfigs) {
        expect(endpoint.tls).toBe(true)
        expect(certificate.dnsNames).toContain(hostOf(endpoint))
      }
    }
  })

  testWith('kubectl', 'the names in the certificate follow a name prefix', async () => {
    const [objects = []] = renderAll([
      { resources: ['k8s/base'], components: paths(['cert-manager', 'tls']), namePrefix: 'dev-' },
    ])
    const { spec } = find(objects, 'Certificate', 'dev-server')
    expect(spec).toMatchObject({ secretName: 'tls', dnsNames: ['dev-server', 'dev-server-pods'], issuerRef: { name: 'dev-ca' } })
  })
})

describe('dual-stack', () => {
  testWith('kubectl', 'requires both address families of every Service', async () => {
    const [objects = []] = render(['dual-stack'])
    const services = objects.filter(({ kind }) => kind === 'Service')
    expect(services).toHaveLength(2)
    for (const { spec } of services) expect(spec).toMatchObject({ ipFamilyPolicy: 'RequireDualStack' })
  })
})

describe('monitoring', () => {
  testWith('kubectl', 'has the rules and the dashboard, in the namespace of the server', async () => {
    using kustomization = new Kustomization({ resources: ['k8s/base'], components: paths(['monitoring']) })
    const objects = kustomization.render()
    expect(new Set(objects.slice(1).map(({ metadata }) => metadata.namespace))).toEqual(new Set(['nihao']))
    expect(find(objects, 'PrometheusRule').spec).toEqual(readYaml('monitoring/rules.yml'))
    expect(find(objects, 'ConfigMap').data).toEqual({ 'dashboard.json': readText('monitoring/dashboard.json') })
  })

  test('scrapes a port that both programs have', () => {
    const { spec } = find(objectsOf('k8s/components/monitoring'), 'PodMonitor')
    expect(spec).toMatchObject({ jobLabel: 'app.kubernetes.io/name' })
    expect(spec.selector.matchExpressions?.[0]?.values).toEqual(['nihao-server', 'nihao-client'])
    for (const { port } of spec.podMetricsEndpoints) {
      for (const workload of objectsOf('k8s/base').filter(isWorkload)) {
        expect(containerOf(workload).ports.map(({ name }) => name)).toContain(port)
      }
    }
  })
})
