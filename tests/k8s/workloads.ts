import { readdirSync } from 'node:fs'
import * as client from '../../services/client/src/settings.ts'
import * as server from '../../services/server/src/settings.ts'
import { type Container, environment, expandedArgs, type Manifest, renderAll, type Workload } from './manifests.ts'

/** The components that exist. */
export const names = readdirSync('k8s/components')
/** Those that add a Job. */
export const jobs = ['check', 'idle', 'load']

export const paths = (components: readonly string[]) => components.map(name => `k8s/components/${name}`)

/** The base with each combination of components. */
export const render = (...combinations: readonly (readonly string[])[]): Manifest[][] =>
  renderAll(combinations.map(components => ({ resources: ['k8s/base'], components: paths(components) })))

export const containerOf = ({ spec }: Workload): Container => spec.template.spec.containers[0]
export const isServer = (workload: Workload): boolean => containerOf(workload).name === 'server'

const sourceOf = (workload: Workload) => ({
  env: environment(containerOf(workload)),
  args: expandedArgs(containerOf(workload)),
})

/** The configuration that a program of the cluster reads; this throws if it is invalid. */
export const serverConfig = (workload: Workload) => server.readConfig(sourceOf(workload), { files: false })
export const clientConfig = (workload: Workload) => client.readConfig(sourceOf(workload), { files: false })

type Endpoint = ReturnType<typeof serverConfig>['listeners'][number]['endpoint']

/** What an endpoint must have in common with the listener that it leads to. */
export const offer = ({ protocol, tls, address }: Endpoint) => ({ protocol, tls, port: 'port' in address ? address.port : 0 })
export const hostOf = ({ address }: Endpoint): string => ('host' in address ? address.host : '')
