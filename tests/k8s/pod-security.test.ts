import { describe, expect, test } from '@jest/globals'
import { type Container, find, type PodSpec, type SecurityContext } from './manifests.ts'

const containers = ({ initContainers = [], containers }: PodSpec): Container[] => [...initContainers, ...containers]
const contexts = (pod: PodSpec): SecurityContext[] => [pod, ...containers(pod)].map(({ securityContext = {} }) => securityContext)
const probes = (pod: PodSpec) =>
  containers(pod).flatMap(({ startupProbe, livenessProbe, readinessProbe }) => [startupProbe, livenessProbe, readinessProbe])

/** What a container's security context holds, with what the pod's says where the container says nothing. */
const effective = (pod: PodSpec): SecurityContext[] =>
  containers(pod).map(({ securityContext }) => ({ ...pod.securityContext, ...securityContext }))

const VOLUME_TYPES = ['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret']
const SELINUX_TYPES = ['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t']
const all = (values: readonly (string | undefined)[] = [], allowed: readonly string[]) =>
  values.every(value => allowed.includes(value ?? ''))

/** The Pod Security Standard `restricted`, control by control, with those of `baseline` that it includes. */
const controls = {
  'no Windows host process': pod => contexts(pod).every(({ windowsOptions }) => !windowsOptions?.hostProcess),
  'no namespace of the host': ({ hostNetwork, hostPID, hostIPC }) => !hostNetwork && !hostPID && !hostIPC,
  'not privileged': pod => contexts(pod).every(({ privileged }) => !privileged),
  'no port of the host': pod => containers(pod).every(({ ports }) => ports.every(({ hostPort }) => !hostPort)),
  'probes go to the pod itself': pod => probes(pod).every(({ httpGet }) => !httpGet.host),
  'default AppArmor profile': pod =>
    all(
      contexts(pod).map(({ appArmorProfile }) => appArmorProfile?.type),
      ['', 'RuntimeDefault', 'Localhost'],
    ),
  'SELinux type of a container': pod =>
    contexts(pod).every(({ seLinuxOptions: { type = '', user, role } = {} }) => SELINUX_TYPES.includes(type) && !user && !role),
  'default /proc mount': pod =>
    all(
      contexts(pod).map(({ procMount }) => procMount),
      ['', 'Default'],
    ),
  'no sysctls': pod => contexts(pod).every(({ sysctls = [] }) => sysctls.length === 0),
  'volumes of harmless types': ({ volumes = [] }) =>
    volumes.every(({ name, ...sources }) => all(Object.keys(sources), VOLUME_TYPES)),
  'no privilege escalation': pod =>
    containers(pod).every(({ securityContext }) => securityContext?.allowPrivilegeEscalation === false),
  'runs as non-root': pod => effective(pod).every(({ runAsNonRoot }) => runAsNonRoot === true),
  'user is not 0': pod => contexts(pod).every(({ runAsUser }) => runAsUser !== 0),
  'seccomp profile': pod =>
    effective(pod).every(({ seccompProfile }) => all([seccompProfile?.type], ['RuntimeDefault', 'Localhost'])),
  'drops all capabilities': pod =>
    containers(pod).every(({ securityContext }) => securityContext?.capabilities?.drop?.includes('ALL') === true),
  'adds no capability': pod =>
    containers(pod).every(({ securityContext }) => all(securityContext?.capabilities?.add, ['NET_BIND_SERVICE'])),
} satisfies Record<string, (pod: PodSpec) => boolean>

/** For each control a change that it must notice. */
const breaches: Record<keyof typeof controls, (pod: PodSpec, context: SecurityContext) => unknown> = {
  'no Windows host process': (_, context) => Object.assign(context, { windowsOptions: { hostProcess: true } }),
  'no namespace of the host': pod => Object.assign(pod, { hostPID: true }),
  'not privileged': (_, context) => Object.assign(context, { privileged: true }),
  'no port of the host': pod => Object.assign(pod.containers[0].ports[0] ?? {}, { hostPort: 1234 }),
  'probes go to the pod itself': pod => Object.assign(pod.containers[0].livenessProbe.httpGet, { host: '192.0.2.1' }),
  'default AppArmor profile': pod => Object.assign(pod.securityContext ?? {}, { appArmorProfile: { type: 'Unconfined' } }),
  'SELinux type of a container': (_, context) => Object.assign(context, { seLinuxOptions: { type: 'spc_t' } }),
  'default /proc mount': (_, context) => Object.assign(context, { procMount: 'Unmasked' }),
  'no sysctls': pod => Object.assign(pod.securityContext ?? {}, { sysctls: [{ name: 'kernel.msgmax', value: '1' }] }),
  'volumes of harmless types': pod => Object.assign(pod, { volumes: [{ name: 'root', hostPath: { path: '/' } }] }),
  'no privilege escalation': (_, context) => Object.assign(context, { allowPrivilegeEscalation: undefined }),
  'runs as non-root': pod => Object.assign(pod.securityContext ?? {}, { runAsNonRoot: undefined }),
  'user is not 0': (_, context) => Object.assign(context, { runAsUser: 0 }),
  'seccomp profile': pod => Object.assign(pod.securityContext ?? {}, { seccompProfile: undefined }),
  'drops all capabilities': (_, context) => Object.assign(context, { capabilities: { drop: ['NET_RAW'] } }),
  'adds no capability': (_, context) => Object.assign(context, { capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] } }),
}

const podOf = (name: string): PodSpec => find('Deployment', name).spec.template.spec

test('the namespace enforces what the pods keep', () => {
  const { labels } = find('Namespace').metadata
  for (const mode of ['enforce', 'audit', 'warn']) expect(labels[`pod-security.kubernetes.io/${mode}`]).toBe('restricted')
})

describe.each(['server', 'client'])('the pod of the %s keeps the Pod Security Standard restricted', name => {
  test.each(Object.entries(controls))('%s', (control, holds) => {
    expect(holds(podOf(name))).toBe(true)

    const broken = podOf(name)
    breaches[control as keyof typeof controls](broken, broken.containers[0].securityContext ?? {})
    expect(holds(broken)).toBe(false)
  })

  test('and more: a read-only root, no token, no variables of other Services', () => {
    const pod = podOf(name)
    expect(effective(pod).map(({ readOnlyRootFilesystem }) => readOnlyRootFilesystem)).toEqual([true])
    expect(pod.automountServiceAccountToken).toBe(false)
    expect(pod.enableServiceLinks).toBe(false)
  })
})
