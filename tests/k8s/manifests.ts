import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { expect } from '@jest/globals'
import { parse, parseAllDocuments, stringify } from 'yaml'

type Labels = Readonly<Record<string, string>>

export interface KubernetesObject<Kind extends string = string, Spec = unknown> {
  readonly apiVersion: string
  readonly kind: Kind
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels: Labels }
  readonly spec: Spec
}

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string }
}

export interface Container {
  readonly name: string
  readonly image: string
  readonly imagePullPolicy: string
  readonly args?: readonly string[]
  readonly env?: readonly { readonly name: string; readonly value?: string }[]
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
  readonly startupProbe: Probe
  readonly livenessProbe: Probe
  readonly readinessProbe: Probe
  readonly resources: { readonly requests: Labels; readonly limits: Labels }
}

export interface PodSpec {
  readonly restartPolicy?: string
  readonly terminationGracePeriodSeconds?: number
  readonly containers: readonly [Container]
}

interface PodTemplate {
  readonly metadata: { readonly labels: Labels; readonly annotations: Labels }
  readonly spec: PodSpec
}

export type Service = KubernetesObject<
  'Service',
  {
    readonly clusterIP?: string
    readonly selector: Labels
    readonly ipFamilyPolicy: string
    readonly ports: readonly { readonly name: string; readonly port: number; readonly targetPort: string }[]
  }
>
export type Deployment = KubernetesObject<
  'Deployment',
  {
    readonly replicas?: number
    readonly strategy: unknown
    readonly selector: { readonly matchLabels: Labels }
    readonly template: PodTemplate
  }
>
export type DaemonSet = KubernetesObject<'DaemonSet', Pick<Deployment['spec'], 'selector' | 'template'>>
export type Job = KubernetesObject<
  'Job',
  { readonly backoffLimit: number; readonly activeDeadlineSeconds: number; readonly template: PodTemplate }
>
export type PodDisruptionBudget = KubernetesObject<'PodDisruptionBudget', { readonly selector: { readonly matchLabels: Labels } }>
export interface Selector {
  readonly matchLabels?: Labels
  readonly matchExpressions?: readonly { readonly key: string; readonly operator: 'In'; readonly values: readonly string[] }[]
}
export interface PolicyRule {
  readonly from?: readonly { readonly podSelector?: Selector; readonly namespaceSelector?: Selector }[]
  readonly to?: PolicyRule['from']
  readonly ports: readonly { readonly protocol: string; readonly port: number }[]
}
export type NetworkPolicy = KubernetesObject<
  'NetworkPolicy',
  {
    readonly podSelector: Selector
    readonly policyTypes: readonly ('Ingress' | 'Egress')[]
    readonly ingress?: readonly PolicyRule[]
    readonly egress?: readonly PolicyRule[]
  }
>
export type Workload = Deployment | DaemonSet | Job
export type Manifest =
  | KubernetesObject<'Namespace', undefined>
  | Service
  | Workload
  | PodDisruptionBudget
  | NetworkPolicy
  | KubernetesObject<'HorizontalPodAutoscaler', { readonly scaleTargetRef: { readonly kind: string; readonly name: string } }>
  | KubernetesObject<'Certificate', { readonly secretName: string; readonly dnsNames: readonly string[] }>
  | KubernetesObject<'Issuer', unknown>
  | KubernetesObject<
      'PodMonitor',
      { readonly selector: Selector; readonly podMetricsEndpoints: readonly { readonly port: string }[] }
    >

export const isWorkload = (object: Manifest): object is Workload => ['Deployment', 'DaemonSet', 'Job'].includes(object.kind)

const root = join(import.meta.dirname, '../..')

/** A file of the project, by its path from the root. */
export const readText = (path: string): string => readFileSync(join(root, path), 'utf8')

/** A YAML file of the project, with `<<` resolved as compose does. */
export const readYaml = <Content>(path: string): Content => parse(readText(path), { merge: true })

const documents = (text: string): Manifest[] => parseAllDocuments(text).map(document => document.toJS())

/** The objects in the files that a kustomization of the project lists. */
export function objectsOf(folder: string): Manifest[] {
  const { resources } = readYaml<{ resources: string[] }>(`${folder}/kustomization.yaml`)
  return resources.flatMap(file => documents(readText(`${folder}/${file}`)))
}

/** The only object of that kind and, if given, of that name. */
export function find<Kind extends Manifest['kind']>(
  objects: readonly Manifest[],
  kind: Kind,
  name?: string,
): Extract<Manifest, { kind: Kind }> {
  const found = objects.filter(object => object.kind === kind && (name === undefined || object.metadata.name === name))
  if (found.length !== 1) throw new Error(`expected one ${kind} ${name ?? ''}, found ${found.length}`)
  return found[0] as Extract<Manifest, { kind: Kind }>
}

/** Runs kubectl and gives what it prints. */
export function kubectl(args: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync('kubectl', args, { input, encoding: 'utf8', maxBuffer: 2 ** 26 })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return stdout
}

interface KustomizationContent {
  readonly resources: string[]
  readonly components?: string[]
  readonly [field: string]: unknown
}

/** A kustomization in another folder; kustomize accepts relative paths only. */
export class Kustomization {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'nihao-')))

  constructor(content: KustomizationContent) {
    const paths = (folders: string[] = []) => folders.map(folder => relative(this.folder, join(root, folder)))
    const { resources, components } = content
    const file = stringify({ ...content, resources: paths(resources), components: paths(components) })
    writeFileSync(join(this.folder, 'kustomization.yaml'), file)
  }

  render(): Manifest[] {
    return documents(kubectl(['kustomize', this.folder]))
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true })
  }
}

/** Renders several kustomizations at once: starting kubectl for each of them would take most of the time. */
export function renderAll(contents: readonly KustomizationContent[]): Manifest[][] {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'nihao-')))
  const parsed = new Map<string, Manifest[]>()
  try {
    const names = contents.map((_, index) => `c${index}`)
    for (const [index, { resources, components = [], ...fields }] of contents.entries()) {
      const path = join(folder, `c${index}`)
      mkdirSync(path)
      const paths = (folders: string[]) => folders.map(name => relative(path, join(root, name)))
      const content = { ...fields, namespace: `c${index}`, resources: paths(resources), components: paths(components) }
      writeFileSync(join(path, 'kustomization.yaml'), stringify(content))
    }
    writeFileSync(join(folder, 'kustomization.yaml'), stringify({ resources: names }))
    const rendered = names.map((): Manifest[] => [])
    for (const text of kubectl(['kustomize', folder]).split(/^---\n/m)) {
      const [, index = ''] = /^ {2}(?:namespace|name): c(\d+)$/m.exec(text) ?? []
      // Most objects are the same in many of them.
      const common = text.replaceAll(/: c\d+$/gm, ': common')
      const objects = parsed.get(common) ?? documents(common)
      parsed.set(common, objects)
      rendered[Number(index)]?.push(...objects)
    }
    return rendered
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** A container's environment, with `$(NAME)` expanded as Kubernetes does. */
export function environment({ env = [] }: Container): Record<string, string> {
  const values: Record<string, string> = {}
  // A value from elsewhere is known in a cluster only; its name stands for it.
  for (const { name, value = name } of env) values[name] = expand(value, values)
  return values
}

/** A container's arguments, expanded in the same way. */
export const expandedArgs = (container: Container): string[] =>
  (container.args ?? []).map(arg => expand(arg, environment(container)))

const expand = (text: string, values: Readonly<Record<string, string>>) =>
  text.replaceAll(/\$\((\w+)\)/g, (reference, name) => values[name] ?? reference)

/**
 * What the pods of this project set for the Pod Security Standard `restricted`, and a little more. Only a cluster applies the standard
 * itself; this keeps the settings from getting lost.
 */
export const restrictedContainer = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
}
export const restrictedPod = {
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  securityContext: { runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: { type: 'RuntimeDefault' } },
  containers: [{ securityContext: restrictedContainer }],
}
