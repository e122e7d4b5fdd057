import { networkInterfaces } from 'node:os'
import { expect, test } from '@jest/globals'
import { startClient } from './support/client.ts'
import { Peer } from './support/peer.ts'
import { startServer } from './support/server.ts'

test('one environment serves both programs', async () => {
  const env = {
    NIHAO_BANNER: 'address',
    NIHAO_GREETING: '',
    NIHAO_KEEP_ALIVE: '15s',
    NIHAO_DRAIN_DELAY: '0s',
    NIHAO_MAX_CONNECTIONS: '10',
    NIHAO_INTERVAL: '50ms',
    NIHAO_RATE: '5',
    NIHAO_REPORT: 'junit',
  }
  await using server = await startServer('greet://127.0.0.1:0', { env })
  await using client = await startClient(`greet://127.0.0.1:${server.port()}`, { env })
  const { reply } = await client.log({ msg: 'first reply' })
  expect(reply).toBe('张三')
  const [totals] = Object.values(await client.stop()).filter(value => typeof value === 'object')
  expect(totals).toMatchObject({ exchangeFailures: {}, connectionFailures: {} })
  for (const { lines } of [server, client]) expect(lines.join('\n')).not.toMatch(/unknown NIHAO/)
})

test('with an empty greeting, the server echoes and counts lines', async () => {
  await using server = await startServer('greet://127.0.0.1:0?greeting=')
  await using peer = await Peer.connect(server.port())
  await peer.ask('a\n\nb\nc', 'a\n\nb\nc')
  expect((await server.page('/metrics')).text).toMatch(/^tcp_server_messages_total\{.*\} 4$/m)
})

test('named targets can be repeated, and the name appears in state, metrics and log', async () => {
  await using server = await startServer('echo://127.0.0.1:0')
  const url = `echo://127.0.0.1:${server.port()}`
  await using client = await startClient(`${url} ${url}?name=second&timeout=5s`, { env: { NIHAO_INTERVAL: '50ms' } })
  await client.log({ msg: 'first reply', target: url })
  await client.log({ msg: 'first reply', target: 'second' })
  expect(Object.keys(await client.targets()).sort()).toEqual([url, 'second'].sort())
  const { text } = await client.page('/metrics')
  for (const target of [url, 'second'])
    expect(text).toMatch(new RegExp(`^tcp_client_exchanges_total\\{target="${target}"\\} [1-9]`, 'm'))
})

const hosts = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map(({ address }) => address))

test.each(['127.0.0.1', '::1'].filter(host => hosts.includes(host)))(
  'a listener without a host accepts connections to %s',
  async host => {
    await using server = await startServer('echo://:0')
    await using peer = await Peer.connect({ host, port: server.port() })
    await peer.ask('a', 'a')
  },
)
