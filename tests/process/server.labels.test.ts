import { expect, test } from '@jest/globals'
import { Peer } from './support/peer.ts'
import { freePort } from './support/scripted-server.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'

test('two listeners on one port of different addresses have separate labels and counters', async () => {
  const port = await freePort()
  const listen = `greet://127.0.0.1:${port}?max-connections=11 greet://127.0.0.2:${port}?max-connections=7 probe://127.0.0.1:0`
  await using server = await startServer(listen)
  const [first, second] = [`greet:127.0.0.1:${port}`, `greet:127.0.0.2:${port}`]
  expect(server.listening.map(({ listener }) => listener)).toEqual([first, second, `probe:${server.port(2)}`])

  await using peer = await Peer.connect({ host: '127.0.0.2', port })
  await peer.ask('hi\n', '你好，hi\n')
  const of = (name: string, listener: string) => server.metric(`tcp_server_${name}`, { listener })
  expect([await of('connections_limit', first), await of('connections_limit', second)]).toEqual([11, 7])
  expect(await server.metric('tcp_server_process_connections_limit')).toBe(10_000)
  expect([await of('connections_active', first), await of('connections_active', second)]).toEqual([0, 1])
  expect((await server.connections()).connections).toEqual([expect.objectContaining({ listener: second })])
  await using probe = await Peer.connect(server.port(2))
  await until('a HELLO', () => probe.text.includes(`"listener":"probe:${server.port(2)}"`))

  peer.end()
  expect(await server.log({ msg: 'connection closed' })).toMatchObject({ listener: second })
  probe.end()
  server.kill('SIGTERM')
  await server.exit()
  const stopped = await server.log({ msg: 'stopped' })
  expect([stopped[first], stopped[second]]).toMatchObject([{ opened: 0 }, { opened: 1, messages: 1 }])
})
