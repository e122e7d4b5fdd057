import { describe, expect, test } from '@jest/globals'
import { duration, environmentName } from '@nihao/service'
import manifest from '../../package.json' with { type: 'json' }
import * as client from '../../services/client/src/settings.ts'
import * as server from '../../services/server/src/settings.ts'
import { readText, readYaml } from './manifests.ts'

interface ComposeService {
  readonly image: string
  readonly build?: { readonly dockerfile: string }
  readonly environment?: Record<string, string>
  readonly ports?: string[]
  readonly depends_on?: string[]
  readonly stop_grace_period?: string
  readonly volumes?: string[]
  readonly profiles?: string[]
  readonly read_only?: boolean
  readonly cap_drop?: string[]
  readonly security_opt?: string[]
  readonly init?: boolean
}

interface Prometheus {
  readonly rule_files: string[]
  readonly scrape_configs: {
    readonly job_name: string
    readonly static_configs?: { readonly targets: string[] }[]
    readonly dns_sd_configs?: { readonly names: string[]; readonly type: string; readonly port: number }[]
  }[]
}

const compose = readYaml<{ services: Record<'server' | 'client' | 'prometheus', ComposeService> }>('docker-compose.yml')
const { services } = compose
const prometheus = readYaml<Prometheus>('monitoring/prometheus.yml')

const serverConfig = server.readConfig({ env: services.server.environment ?? {}, args: [] })
const clientConfig = client.readModeConfig(client.modes.probe, { env: services.client.environment ?? {}, args: [] })
const listening = serverConfig.listeners.map(({ endpoint: { protocol, address } }) => ({
  protocol,
  port: 'port' in address && address.port,
}))

/** The container's published ports, from `[address:][port]:port`. */
const published = ({ ports = [] }: ComposeService) => ports.map(port => Number(port.split(':').at(-1)))

test.each(Object.entries(services))('%s has a read-only root, no capabilities and an init', (_, service) => {
  expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'], init: true })
})

describe.each([
  ['server', services.server, server.settings],
  ['client', services.client, client.modes.probe.settings],
] as const)('%s', (name, service, settings) => {
  test('is built from its Dockerfile and tagged with this version', () => {
    expect(service.build?.dockerfile).toBe(`Dockerfile.${name}`)
    expect(service.image).toBe(`nihao-${name}:${manifest.version}`)
    expect(readText(`Dockerfile.${name}`)).toContain(`org.opencontainers.image.version="${manifest.version}"`)
  })

  test('sets only variables that are settings', () => {
    expect(Object.keys(settings).map(environmentName)).toEqual(expect.arrayContaining(Object.keys(service.environment ?? {})))
  })
})

test('the Dockerfiles are the same up to the runtime stage, except for the name of the service', () => {
  // Without BuildKit a Dockerfile cannot include another one, so the common stages stand in both.
  const stages = (name: string) => readText(`Dockerfile.${name}`).split('# Node comes first')[0] ?? ''
  const common = (name: string) =>
    stages(name)
      .replace(`nihao-${name}:`, 'nihao-NAME:')
      .replace(`--workspace services/${name} `, '--workspace NAME ')
      .replace(`/app/dist/services/${name} services/${name}\n`, '/app/dist/NAME NAME\n')
      .replace(`fork('services/${name}/src/main.js')`, "fork('NAME/src/main.js')")
  expect(common('client')).toBe(common('server'))
  expect(common('client')).toContain('--workspace NAME')
})

test('the images expose the default ports of the programs', () => {
  const exposed = (name: string) =>
    /^EXPOSE (.*)$/m
      .exec(readText(`Dockerfile.${name}`))?.[1]
      ?.split(' ')
      .map(Number)
  expect(exposed('server')).toEqual([...listening.map(({ port }) => port), serverConfig.adminPort])
  expect(exposed('client')).toEqual([clientConfig.adminPort])
})

test('all ports of the server are published, the admin port on loopback only', () => {
  expect(published(services.server)).toEqual([...listening.map(({ port }) => port), serverConfig.adminPort])
  expect(services.server.ports?.at(-1)).toMatch(/^127\.0\.0\.1:/)
})

test('the client can be scaled, starts after the server, and has each of its listeners as a target', () => {
  expect(services.client.ports).toBeUndefined()
  expect(services.client.depends_on).toEqual(['server'])
  const targets = clientConfig.targetConfigs.map(({ endpoint: { protocol, address } }) => ({ protocol, ...address }))
  expect(targets).toEqual(listening.map(({ protocol, port }) => ({ protocol, host: 'server', port })))
})

test('the grace period is longer than the whole drain', () => {
  const graceMs = duration.parse(services.server.stop_grace_period ?? '10s')
  expect(graceMs).toBeGreaterThan(serverConfig.drainDelay + serverConfig.drainTimeout)
})

test('Prometheus is optional, and scrapes the server and every client', () => {
  expect(services.prometheus.profiles).toEqual(['monitoring', 'dashboards'])
  expect(services.prometheus.volumes).toContain('./monitoring/prometheus.yml:/etc/prometheus/prometheus.yml:ro')
  expect(services.prometheus.volumes).toContain('./monitoring/rules.yml:/etc/prometheus/rules.yml:ro')
  expect(prometheus.rule_files).toEqual(['rules.yml'])
  const [ofServer, ofClient, ...others] = prometheus.scrape_configs
  expect(ofServer).toMatchObject({
    job_name: 'nihao-server',
    static_configs: [{ targets: [`server:${serverConfig.adminPort}`] }],
  })
  expect(ofClient).toMatchObject({
    job_name: 'nihao-client',
    dns_sd_configs: [{ names: ['client'], type: 'A', port: clientConfig.adminPort }],
  })
  expect(others).toEqual([])
})
