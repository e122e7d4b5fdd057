import { describe, expect, test } from '@jest/globals'
import { reportLoad } from './support/load.ts'
import { Peer } from './support/peer.ts'
import { RunningServer, startServer } from './support/server.ts'
import { until } from './support/until.ts'

const CONNECTIONS = 64

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

describe('two servers with reuse-port', () => {
  test.each(['127.0.0.1', ''])('share the connections to a port on "%s", and their metrics add up', async host => {
    await using first = await startServer(`greet://${host}:0?reuse-port=true`)
    const port = first.port()
    await using second = await startServer(`greet://${host}:${port}`, { env: { NIHAO_REUSE_PORT: 'true' } })
    const flags = ['--connections', String(CONNECTIONS), '--depth', '2', '--count', '5000', '--timeout', '30s']
    const { code, target } = await reportLoad(...flags, `greet://127.0.0.1:${port}`)
    expect([code, target.answered, target.connections.closed]).toEqual([0, 5_000, { finished: CONNECTIONS }])

    const sums = {
      tcp_server_connections_closed_total: CONNECTIONS,
      tcp_server_messages_total: 5_000,
      tcp_server_received_bytes_total: target.sentBytes,
      tcp_server_sent_bytes_total: target.receivedBytes,
    }
    for (const [name, expected] of Object.entries(sums)) {
      const ofBoth = () => Promise.all([first, second].map(server => server.metric(name)))
      await until(`the sum of ${name} to be ${expected}`, async () => sum(await ofBoth()) === expected)
      for (const ofOne of await ofBoth()) expect(ofOne).toBeGreaterThan(0)
    }
  })

  test('continue separately: one that stops leaves the port to the other', async () => {
    await using first = await startServer('echo://127.0.0.1:0?reuse-port=true')
    const port = first.port()
    {
      await using second = await startServer(`echo://127.0.0.1:${port}?reuse-port=true`)
      second.kill('SIGTERM')
      expect(await second.exit()).toMatchObject({ code: 0 })
    }
    for (let connection = 0; connection < 8; connection++) {
      await using peer = await Peer.connect(port)
      await peer.ask('still here', 'still here')
    }
  })
})

test.each([
  ['', ''],
  ['', '?reuse-port=true'],
  ['?reuse-port=true', ''],
])('a port is not shared unless both ask for it: "%s" and "%s"', async (ofFirst, ofSecond) => {
  await using first = await startServer(`echo://127.0.0.1:0${ofFirst}`)
  await using second = new RunningServer(`echo://127.0.0.1:${first.port()}${ofSecond}`)
  expect(await second.exit()).toMatchObject({ code: 1 })
  const msg = `can't listen on echo://127.0.0.1:${first.port()}: address already in use (EADDRINUSE)`
  expect(second.logged({ level: 'fatal' })).toEqual([expect.objectContaining({ msg })])
})
