// A mesh of servers and clients in containers: cuts one link, replaces all servers, and counts series.
import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { cutOneLink, replaceAllServers } from './experiments.ts'
import { type Member, Mesh } from './mesh.ts'

const USAGE = 'usage: npm run test:mesh -- [--nodes N (10)] [--interval MS (2000)] [--timeout MS (1000)]'

function readArguments() {
  const number = (fallback: string) => ({ type: 'string', default: fallback }) as const
  try {
    const { values } = parseArgs({ options: { nodes: number('10'), interval: number('2000'), timeout: number('1000') } })
    return { nodes: Number(values.nodes), intervalMs: Number(values.interval), timeoutMs: Number(values.timeout) }
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`)
    process.exit(2)
  }
}

const options = readArguments()
const tag = `mesh-${process.pid}`
const images = { server: `nihao-server:${tag}`, client: `nihao-client:${tag}` }
const say = (text: string) => console.log(text)

for (const [kind, image] of Object.entries(images)) {
  execFileSync('docker', ['build', '--quiet', '--file', `Dockerfile.${kind}`, '--tag', image, '.'], { stdio: 'pipe' })
}
try {
  await using mesh = await Mesh.start({ ...options, images })
  const cells = await mesh.matrix()
  say(`${options.nodes} servers and ${options.nodes} clients; ${cells.size} links, all good`)

  const failedAfterMs = await cutOneLink(mesh, 'node-1', 'node-2', options.intervalMs)
  say(`cut node-1 -> node-2: only this cell failed, for the client and the server, after ${Math.round(failedAfterMs)} ms`)
  if (failedAfterMs > 2 * options.intervalMs) throw new Error(`it should have failed within ${2 * options.intervalMs} ms`)

  await replaceAllServers(mesh)
  say('replaced all servers one by one: no outage, no failed exchange, no series left of an old server')

  const series = await mesh.seriesOf(mesh.clients.get('node-1') as Member)
  const count = (pattern: RegExp) => series.filter(line => pattern.test(line)).length
  const [peers, own] = [count(/^tcp_client_peer_/), count(/^tcp_client_(?!peer_)/)]
  say(
    `series of a client: ${peers} of ${options.nodes - 1} peers, ${own} of its target, ${series.length - peers - own} of its process`,
  )
} finally {
  for (const image of Object.values(images)) execFileSync('docker', ['rmi', image], { stdio: 'pipe' })
}
