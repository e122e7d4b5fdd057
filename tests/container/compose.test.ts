import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import manifest from '../../package.json' with { type: 'json' }
import { until } from '../process/support/until.ts'
import { describeWithDocker, docker } from './docker.ts'

const project = `nihao-test-${process.pid}`
const ofProject = ['--filter', `label=com.docker.compose.project=${project}`]
const images = ['server', 'client'].map(service => `nihao-${service}:${manifest.version}`)
/** Free ports, because the default ones may be in use. */
const environment = { GREET_PORT: '0', PROBE_PORT: '0', ADMIN_PORT: '0', PROMETHEUS_PORT: '0', HEALTH_INTERVAL: '2s' }

interface Container {
  readonly Name: string
  readonly Service: string
  readonly State: string
  readonly Health: string
  readonly ExitCode: number
}

type Series = { readonly metric: Record<string, string>; readonly value: [number, string] }

function compose(...command: string[]): Promise<string> {
  return docker(['compose', '--project-name', project, ...command], environment)
}

async function containers(): Promise<Container[]> {
  const lines = await compose('--profile', 'monitoring', 'ps', '--all', '--format', 'json')
  return lines.split('\n').map(line => JSON.parse(line))
}

async function published(service: string, port: number): Promise<number> {
  const address = await compose('--profile', 'monitoring', 'port', service, String(port))
  return Number(address.split(':').at(-1))
}

/** The metrics of the server, over a connection of its own: an idle one may be closed by the server just now. */
async function metrics(): Promise<string> {
  const url = `http://127.0.0.1:${await published('server', 9464)}/metrics`
  return (await fetch(url, { headers: { connection: 'close' } })).text()
}

/** The reply to one message of a peer that half-closes immediately, as in `printf … | nc`. */
async function exchange(port: number, message: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.end(message)
  return text(socket)
}

describeWithDocker('docker compose up, with the file as shipped', () => {
  let imageIds: string[] = []

  beforeAll(async () => {
    imageIds = await Promise.all(images.map(image => docker(['image', 'inspect', '--format', '{{.Id}}', image])))
    await compose('up', '--build', '--detach', '--wait')
  })

  afterAll(async () => {
    await compose('--profile', 'monitoring', 'down', '--volumes', '--remove-orphans', '--timeout', '1')
    // Compose has built the same images again, with its project's name as a label.
    await Promise.all(imageIds.map((id, index) => docker(['tag', id, images[index] ?? ''])))
    // Docker refuses to prune twice at the same time; the rest of another run does not matter here.
    await docker(['image', 'prune', '--force', ...ofProject]).catch(() => {})
  })

  test('starts a healthy server and a healthy client, and nothing else', async () => {
    const started = (await containers()).map(({ Service, State, Health }) => [Service, State, Health])
    expect(started.sort()).toEqual([
      ['client', 'running', 'healthy'],
      ['server', 'running', 'healthy'],
    ])
  })

  test('greets clients on the published ports', async () => {
    expect(await exchange(await published('server', 1234), '张三')).toBe('你好，张三')
    expect(await published('server', 7000)).toBeGreaterThan(0)
    expect(await metrics()).toContain('tcp_server_connections_opened_total{listener="greet:1234"}')
  })

  test('works with three clients, and Prometheus finds each of them', async () => {
    await compose('--profile', 'monitoring', 'up', '--detach', '--wait', '--scale', 'client=3')
    const clients = (await containers()).filter(({ Service }) => Service === 'client')
    expect(clients.map(({ State, Health }) => [State, Health])).toEqual(Array(3).fill(['running', 'healthy']))
    for (const { Name } of clients) {
      await until(`${Name} shows its greeting`, async () => (await docker(['logs', Name])).includes('"reply":"你好，张三"'))
    }

    const api = `http://127.0.0.1:${await published('prometheus', 9090)}/api/v1/query?query=`
    const query = async (expression: string): Promise<Series[]> => {
      const response = await fetch(api + encodeURIComponent(expression))
      return ((await response.json()) as { data: { result: Series[] } }).data.result
    }
    await until('all are scraped, all talk, and none is down', async () => {
      const talking = await query('tcp_client_exchanges_total{target="greet://server:1234"} > 0')
      const serving = await query('tcp_server_connections_active{listener="greet:1234"} >= 3')
      const down = await query('up == 0')
      return new Set(talking.map(({ metric }) => metric.instance)).size === 3 && serving.length === 1 && down.length === 0
    })

    // Prometheus asks for OpenMetrics; a scraper of plain text still gets the same names.
    expect(await metrics()).toContain('tcp_server_connections_opened_total{listener="greet:1234"}')
  })

  test('stops all containers with exit code 0 within their grace periods, and leaves nothing behind', async () => {
    await compose('--profile', 'monitoring', 'stop')
    const exitCodes = (await containers()).map(({ Service, ExitCode }) => [Service, ExitCode])
    expect(exitCodes.sort()).toEqual([
      ['client', 0],
      ['client', 0],
      ['client', 0],
      ['prometheus', 0],
      ['server', 0],
    ])
    await compose('--profile', 'monitoring', 'down', '--volumes')
    // Other tests' containers have the project's label as well, from the image; this one only compose gives.
    const ofCompose = [...ofProject, '--filter', 'label=com.docker.compose.config-hash']
    expect(await docker(['ps', '--all', '--format', '{{.Names}} {{.Status}}', ...ofCompose])).toBe('')
    expect(await docker(['network', 'ls', '--quiet', ...ofProject])).toBe('')
    expect(await docker(['volume', 'ls', '--quiet', ...ofProject])).toBe('')
  })
})
