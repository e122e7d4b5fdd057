import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { type ClientCodec, type EndedConnection, protocols } from '@nihao/wire'
import { Peer } from './support/peer.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'

interface Hello {
  readonly boot: string
  readonly connection: number
}

/** A probe connection and the frames received on it. */
async function connect(port: number) {
  const peer = await Peer.connect(port)
  const said: { hello?: Hello; ended?: EndedConnection; replies: number; stalledUs: number } = { replies: 0, stalledUs: 0 }
  const codec: ClientCodec = protocols.probe.clientCodec(
    { message: 'ping', greeting: '', banner: false, maxMessage: 100 },
    {
      hello: hello => {
        said.hello = hello as unknown as Hello
      },
      ended: ended => {
        said.ended = ended
      },
      serverTimes: (_received, _sent, stalledUs) => {
        said.stalledUs = stalledUs
      },
    },
  )
  peer.socket.on('data', chunk => {
    said.replies += codec.receive(chunk)
  })
  await until('HELLO', () => said.hello !== undefined)
  return {
    ...(said.hello as Hello),
    peer,
    said,
    ping: () => peer.send(codec.request()),
    /** Asks how another connection ended. */
    async last(boot: string, connection: number): Promise<EndedConnection> {
      peer.send(codec.last?.(boot, connection) ?? Buffer.alloc(0))
      await until('ENDED', () => said.ended !== undefined)
      const { ended } = said
      delete said.ended
      return ended as EndedConnection
    },
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  }
}

test('ENDED reports whether an earlier connection is open, and how it ended', async () => {
  await using server = await startServer('probe://127.0.0.1:0')
  await using reset = await connect(server.port())
  await using closed = await connect(server.port())
  await using asking = await connect(server.port())
  const open = { state: 'open', pings: 0, receivedBytes: 0, sentBytes: expect.any(Number) }
  expect(await asking.last(reset.boot, reset.connection)).toEqual(open)

  reset.ping()
  await until('PONG', () => reset.said.replies === 1)
  reset.peer.socket.resetAndDestroy()
  closed.peer.socket.end()
  await until('both to end', async () => (await server.connections()).connections.length === 1)

  const counts = { pings: 1, receivedBytes: 17, sentBytes: expect.any(Number), agoMs: expect.any(Number) }
  expect(await asking.last(reset.boot, reset.connection)).toEqual({
    state: 'closed',
    reason: 'reset',
    resetSeen: true,
    finSeen: false,
    ...counts,
  })
  expect(await asking.last(closed.boot, closed.connection)).toMatchObject({
    state: 'closed',
    reason: 'client_closed',
    resetSeen: false,
    finSeen: true,
  })
  expect(await asking.last(asking.boot, 1_000)).toEqual({ state: 'unknown' })
  expect(await asking.last('another process', asking.connection)).toEqual({ state: 'other_boot' })
})

test('a PONG reports how long the server was stopped before it read the PING', async () => {
  await using server = await startServer('probe://127.0.0.1:0')
  await using client = await connect(server.port())
  // A busy machine stops it, too, but not all the time.
  let pings = 0
  await until('a PONG of a server that was not stopped', async () => {
    client.ping()
    pings++
    await until('PONG', () => client.said.replies === pings)
    return client.said.stalledUs < 100_000
  })
  server.kill('SIGSTOP')
  await until('the server to stand still', () => / T \d+ /.test(readFileSync(`/proc/${server.pid}/stat`, 'utf8')))
  const stoppedMs = performance.now()
  client.ping()
  await until('half a second', () => performance.now() - stoppedMs > 500)
  server.kill('SIGCONT')
  await until('PONG', () => client.said.replies === pings + 1)
  expect(client.said.stalledUs).toBeGreaterThan(400_000)
})
