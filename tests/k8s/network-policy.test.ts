import { expect, test } from '@jest/globals'
import { find, isWorkload, type NetworkPolicy, objectsOf, type PolicyRule, type Selector, type Workload } from './manifests.ts'
import { containerOf, isServer, jobs, offer, serverConfig } from './workloads.ts'

const policies = objectsOf('k8s/components/network-policy').filter(
  (object): object is NetworkPolicy => object.kind === 'NetworkPolicy',
)
const workloads = [...objectsOf('k8s/base'), ...jobs.flatMap(name => objectsOf(`k8s/components/${name}`))].filter(isWorkload)
const labels = ({ spec }: Workload) => spec.template.metadata.labels

const selects = ({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Readonly<Record<string, string>>) =>
  Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
  matchExpressions.every(({ key, values }) => values.includes(labels[key] ?? ''))

/** The rules that apply to a pod in one direction; a pod that no policy selects would be open. */
function rulesFor(workload: Workload, type: 'Ingress' | 'Egress'): readonly PolicyRule[] {
  const applying = policies.filter(({ spec }) => spec.policyTypes.includes(type) && selects(spec.podSelector, labels(workload)))
  expect(applying.length).toBeGreaterThan(0)
  return applying.flatMap(({ spec }) => (type === 'Ingress' ? spec.ingress : spec.egress) ?? [])
}
const has = ({ ports }: PolicyRule, port: number) => ports.some(open => open.protocol === 'TCP' && open.port === port)
const isPod = (peers: PolicyRule['from'] = [], workload: Workload) =>
  peers.some(({ podSelector, namespaceSelector }) => !namespaceSelector && podSelector && selects(podSelector, labels(workload)))
const connects = (from: Workload, to: Workload, port: number) =>
  rulesFor(from, 'Egress').some(rule => has(rule, port) && isPod(rule.to, to)) &&
  rulesFor(to, 'Ingress').some(rule => has(rule, port) && isPod(rule.from, from))

const ofServer = find(workloads, 'Deployment', 'server')
const ofClient = find(workloads, 'Deployment', 'client')
const clients = workloads.filter(workload => !isServer(workload))
const served = serverConfig(ofServer).listeners.map(({ endpoint }) => offer(endpoint).port)
const adminPorts = [9464, 9465]

test.each(clients.map(workload => [workload.metadata.name, workload] as const))(
  '%s reaches the listeners of the server, and nothing else',
  (_, from) => {
    expect(served.map(port => connects(from, ofServer, port))).toEqual([true, true])
    expect(adminPorts.map(port => connects(from, ofServer, port))).toEqual([false, false])
    expect([...served, ...adminPorts].map(port => connects(from, ofClient, port))).not.toContain(true)
    const names = rulesFor(from, 'Egress').find(rule => has(rule, 53))
    expect(names?.to).toContainEqual({ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } })
  },
)

test('the server opens no connections', () => {
  expect(rulesFor(ofServer, 'Egress')).toEqual([])
})

test.each([
  ['server', ofServer, 9464],
  ['client', ofClient, 9465],
] as const)('Prometheus reaches the admin port of the %s', (_, workload, port) => {
  const rules = rulesFor(workload, 'Ingress').filter(rule => has(rule, port))
  expect(rules.map(({ from }) => from)).toEqual([
    [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
  ])
  expect(adminPorts).toContain(port)
  expect(containerOf(workload).ports).toContainEqual({ name: 'admin', containerPort: port })
})
