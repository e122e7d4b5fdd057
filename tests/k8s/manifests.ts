import { readFileSync } from 'node:fs'
import { parse, parseAllDocuments } from 'yaml'

type Labels = Readonly<Record<string, string>>

interface KubernetesObject<Kind extends string, Spec> {
  readonly kind: Kind
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels: Labels
    readonly annotations?: Labels
  }
  readonly spec: Spec
}

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string; readonly host?: string }
}

export interface SecurityContext {
  runAsNonRoot?: boolean
  runAsUser?: number
  privileged?: boolean
  allowPrivilegeEscalation?: boolean
  readOnlyRootFilesystem?: boolean
  procMount?: string
  capabilities?: { drop?: string[]; add?: string[] }
  seccompProfile?: { type: string }
  appArmorProfile?: { type: string }
  seLinuxOptions?: { type?: string; user?: string; role?: string }
  windowsOptions?: { hostProcess?: boolean }
  sysctls?: { name: string; value: string }[]
}

export interface Container {
  readonly name: string
  readonly image: string
  readonly imagePullPolicy: string
  readonly env?: readonly { readonly name: string; readonly value: string }[]
  readonly ports: { name: string; containerPort: number; hostPort?: number }[]
  readonly startupProbe: Probe
  readonly livenessProbe: Probe
  readonly readinessProbe: Probe
  readonly resources: { readonly requests: Labels; readonly limits: Labels }
  securityContext?: SecurityContext
}

export interface PodSpec {
  hostNetwork?: boolean
  hostPID?: boolean
  hostIPC?: boolean
  automountServiceAccountToken?: boolean
  enableServiceLinks?: boolean
  terminationGracePeriodSeconds?: number
  volumes?: Record<string, unknown>[]
  securityContext?: SecurityContext
  initContainers?: Container[]
  containers: [Container]
}

export type Namespace = KubernetesObject<'Namespace', undefined>
export type Service = KubernetesObject<
  'Service',
  {
    readonly selector: Labels
    readonly ports: readonly { readonly name: string; readonly port: number; readonly targetPort: string }[]
  }
>
export type Deployment = KubernetesObject<
  'Deployment',
  {
    readonly replicas: number
    readonly strategy?: { readonly rollingUpdate: { readonly maxUnavailable: number; readonly maxSurge: number } }
    readonly selector: { readonly matchLabels: Labels }
    readonly template: { readonly metadata: { readonly labels: Labels; readonly annotations: Labels }; readonly spec: PodSpec }
  }
>
export type PodDisruptionBudget = KubernetesObject<
  'PodDisruptionBudget',
  { readonly maxUnavailable: number; readonly selector: { readonly matchLabels: Labels } }
>
export type Manifest = Namespace | Service | Deployment | PodDisruptionBudget

const root = `${import.meta.dirname}/../..`
export const base = `${root}/k8s/base`

/** A file of the project, by its path from the root. */
export const readText = (path: string): string => readFileSync(`${root}/${path}`, 'utf8')

/** A YAML file of the project, with `<<` resolved as compose does. */
export const readYaml = <Content>(path: string): Content => parse(readText(path), { merge: true })

/** What `kubectl kustomize k8s/base` gives, as far as the base uses kustomize: a list of files and a namespace for all that is in them. */
export function renderBase(): Manifest[] {
  const { apiVersion, kind, namespace, resources, ...unknown } = readYaml<Record<string, unknown> & { resources: string[] }>(
    'k8s/base/kustomization.yaml',
  )
  if (Object.keys(unknown).length > 0)
    throw new Error(`this test does not know the kustomize fields ${Object.keys(unknown).join(', ')}`)
  return resources
    .flatMap(file => parseAllDocuments(readText(`k8s/base/${file}`)).map(document => document.toJS() as Manifest))
    .map(object =>
      object.kind === 'Namespace' ? object : ({ ...object, metadata: { ...object.metadata, namespace } } as Manifest),
    )
}

/** The only object of that kind and, where it is given, of that name. */
export function find<Kind extends Manifest['kind']>(kind: Kind, name?: string): Extract<Manifest, { kind: Kind }> {
  const found = renderBase().filter(object => object.kind === kind && (name === undefined || object.metadata.name === name))
  if (found.length !== 1) throw new Error(`expected one ${kind} ${name ?? ''}, found ${found.length}`)
  return found[0] as Extract<Manifest, { kind: Kind }>
}
