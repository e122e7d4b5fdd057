import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { afterEach, expect, test } from '@jest/globals'
import { startClient } from './support/client.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'

const NAME = 'server.test'
const FOUR = '10.77.0.1'
const SIX = 'fd00:77::1'

const namespace = `nihao-families-${process.pid}`
const ip = (...command: string[]) => execFileSync('ip', command, { stdio: 'pipe' })

/** A network with only these addresses, which all belong to one name. */
function network(addresses: readonly string[]): void {
  removeNetwork()
  ip('netns', 'add', namespace)
  ip('-n', namespace, 'link', 'set', 'lo', 'up')
  for (const local of ['127.0.0.1/8', '::1/128']) ip('-n', namespace, 'address', 'delete', local, 'dev', 'lo')
  for (const address of addresses) ip('-n', namespace, 'address', 'add', address, 'dev', 'lo')
  // See ip-netns(8).
  mkdirSync(`/etc/netns/${namespace}`, { recursive: true })
  writeFileSync(`/etc/netns/${namespace}/hosts`, addresses.map(address => `${address} ${NAME}\n`).join(''))
}

function removeNetwork(): void {
  try {
    ip('netns', 'delete', namespace)
  } catch {
    // It was never made.
  }
  rmSync(`/etc/netns/${namespace}`, { recursive: true, force: true })
}

afterEach(removeNetwork)

/** Network namespaces need root. */
function possible(): boolean {
  try {
    network([SIX])
    return true
  } catch {
    return process.env.REQUIRE_PEERS === '1'
  } finally {
    removeNetwork()
  }
}
const testWithNamespaces = possible() ? test : test.skip

const within = ['ip', 'netns', 'exec', namespace]
const targets = ['greet', 'probe'].map((protocol, index) => `${protocol}://${NAME}:${[1234, 7000][index]}`)

/** Runs the pair in a network until each target has had replies on so many connections; gives the addresses of its connections. */
async function runPair(addresses: readonly string[], options: string, connections: number): Promise<string[]> {
  network(addresses)
  // Without loopback, the defaults for both programs.
  const env = { NIHAO_ADMIN_HOST: '', NIHAO_SUMMARY_INTERVAL: '100ms' }
  await using server = await startServer('greet://:1234 probe://:7000', { within, env: { NIHAO_ADMIN_HOST: '' } })
  await using client = await startClient(targets.map(target => `${target}?interval=20ms${options}`).join(' '), { within, env })
  const replied = (target: string) =>
    client.logged({ msg: 'summary', target, connections }).some(({ exchanges }) => Number(exchanges) > connections)
  await until('replies on all connections', () => targets.every(replied))
  const totals = await client.stop()
  for (const target of targets) {
    expect(totals[target]).toMatchObject({ connectionFailures: {}, exchangeFailures: {}, outages: {} })
  }
  server.kill('SIGTERM')
  await server.exit()
  const ended = server.logged({ msg: 'connection closed' })
  return [...new Set(ended.map(({ remoteAddress }) => String(remoteAddress)))].sort()
}

testWithNamespaces('the pair works where there is only IPv6', async () => {
  expect(await runPair([SIX], '', 1)).toEqual([SIX])
})

testWithNamespaces('the pair works where there is only IPv4', async () => {
  expect(await runPair([FOUR], '', 1)).toEqual([FOUR])
})

testWithNamespaces('with resolve=all, the pair uses both families where there are both', async () => {
  expect(await runPair([FOUR, SIX], '&resolve=all', 2)).toEqual([FOUR, SIX])
})
