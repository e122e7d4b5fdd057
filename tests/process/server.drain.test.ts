import { describe, expect, test } from '@jest/globals'
import { Peer, Peers } from './support/peer.ts'
import { type RunningServer, startServer } from './support/server.ts'
import { until } from './support/until.ts'

const accepting = (server: RunningServer) => server.log({ msg: 'draining: still accepting' })
const noLongerAccepting = (server: RunningServer) => server.log({ msg: 'draining: no longer accepting' })

/** The totals of the first listener, from the last log line. */
const totals = async (server: RunningServer) => (await server.log({ msg: 'stopped' }))[`greet:${server.port()}`]

describe('a signal to stop', () => {
  test('makes the server unready while it still accepts and serves', async () => {
    await using server = await startServer('greet://127.0.0.1:0', { env: { NIHAO_DRAIN_DELAY: '5m' } })
    expect(await server.page('/readyz')).toMatchObject({ status: 200 })
    expect(await server.metric('tcp_server_draining')).toBe(0)
    await using early = await Peer.connect(server.port())

    server.kill('SIGTERM')
    await accepting(server)
    expect(await server.page('/readyz')).toEqual({ status: 503, text: 'not ready: draining\n' })
    expect(await server.page('/livez')).toMatchObject({ status: 200 })
    expect(await server.metric('tcp_server_draining')).toBe(1)
    await using late = await Peer.connect(server.port())
    await late.ask('late\n', '你好，late\n')
    await early.ask('early\n', '你好，early\n')
    expect(server.logged({ msg: 'draining: no longer accepting' })).toEqual([])
  })

  test('stops accepting after NIHAO_DRAIN_DELAY, ends all connections, and exits with 0', async () => {
    await using server = await startServer('greet://127.0.0.1:0', { env: { NIHAO_DRAIN_DELAY: '1s' } })
    await using first = await Peer.connect(server.port())
    await using second = await Peer.connect(server.port())
    await first.ask('1\n', '你好，1\n')
    await second.ask('2\n', '你好，2\n')
    const stoppedAtMs = performance.now()
    server.kill('SIGTERM')
    await noLongerAccepting(server)
    // Less a few ms, because the two processes do not round the time alike.
    expect(performance.now() - stoppedAtMs).toBeGreaterThan(990)
    // The line may be there just before the port is closed.
    await until('connections to be refused', () =>
      Peer.connect(server.port()).then(
        peer => peer[Symbol.asyncDispose]().then(() => false),
        ({ code }: NodeJS.ErrnoException) => code === 'ECONNREFUSED',
      ),
    )
    for (const peer of [first, second]) {
      await peer.finished()
      peer.end()
    }
    expect(await server.exit()).toEqual({ code: 0, signal: null, stderr: '' })
    expect(await totals(server)).toMatchObject({ opened: 2, closed: { drained: 2 }, messages: 2 })
    expect(server.logged({ msg: 'connection closed', reason: 'drained' })).toHaveLength(2)
  })

  test('does not include SIGHUP, which reloads certificates', async () => {
    await using server = await startServer('echo://127.0.0.1:0')
    await using peer = await Peer.connect(server.port())
    server.kill('SIGHUP')
    await server.log({ level: 'info', msg: 'no certificates to reload' })
    await peer.ask('still here', 'still here')
  })

  test.each(['SIGTERM', 'SIGINT'] as const)('%s without connections ends the server immediately, with 0', async signal => {
    await using server = await startServer('greet://127.0.0.1:0', { env: { NIHAO_DRAIN_TIMEOUT: '5m' } })
    server.kill(signal)
    expect(await server.exit()).toMatchObject({ code: 0, signal: null })
    expect(await server.log({ msg: 'stopping' })).toMatchObject({ signal })
  })

  test('lets 20 connections with outstanding exchanges receive all replies', async () => {
    await using server = await startServer('greet://127.0.0.1:0', { env: { NIHAO_DRAIN_DELAY: '300ms' } })
    await using peers = await Peers.connect(20, server.port())
    for (const peer of peers.all) await peer.ask('first\n', '你好，first\n')
    server.kill('SIGTERM')
    await accepting(server)
    // While the process stands still, requests arrive and its drain becomes due: whatever it sees first, it answers them.
    server.kill('SIGSTOP')
    for (const peer of peers.all) peer.send('second\n')
    const goesOnAtMs = performance.now() + 300
    await until('the drain to be due', () => performance.now() > goesOnAtMs)
    server.kill('SIGCONT')
    for (const peer of peers.all) {
      await peer.receives('你好，first\n你好，second\n')
      await peer.finished()
      peer.end()
    }
    expect(await server.exit()).toMatchObject({ code: 0 })
    expect(await totals(server)).toMatchObject({ opened: 20, messages: 40, closed: { drained: 20 } })
    expect(server.lines.join()).not.toContain('unansweredBytes')
  })

  test('waits for the end of a message in progress', async () => {
    await using server = await startServer('greet://127.0.0.1:0')
    await using peer = await Peer.connect(server.port())
    await peer.ask('begun', '你好，begun')
    server.kill('SIGTERM')
    // A draining connection may not be idle for long, even within a message.
    await until('the server to drain', async () => {
      await peer.ask('.', '.')
      return server.logged({ msg: 'draining: no longer accepting' }).length > 0
    })
    await peer.ask(' and', ' and')
    await peer.ask(' ended\n', ' ended\n')
    await peer.finished()
    peer.end()
    expect(await server.exit()).toMatchObject({ code: 0 })
    expect(await totals(server)).toMatchObject({ closed: { drained: 1 }, messages: 1 })
  })

  test('waits for a reader that stalls for a while: it gets the replies to everything received', async () => {
    const greeting = 'g'.repeat(1_000)
    await using server = await startServer(`greet://127.0.0.1:0?max-buffered=64KiB&greeting=${greeting}`)
    await using peer = await Peer.connect(server.port(), { reading: false })
    // A request that is received at once, with more replies than the kernel holds.
    const lines = 32_000
    peer.send(Buffer.alloc(lines, '\n'))
    await until('the server to pause', async () => (await server.metric('tcp_server_read_pauses_total')) > 0)
    server.kill('SIGTERM')
    await noLongerAccepting(server)
    // Longer than a draining connection may be idle.
    const readsOnAtMs = performance.now() + 2_500
    await until('the stall to be over', () => performance.now() > readsOnAtMs)
    peer.read()
    await peer.finished()
    peer.end()
    expect(await server.exit()).toMatchObject({ code: 0 })
    const line = await server.log({ msg: 'connection closed' })
    expect(line).toMatchObject({ reason: 'drained', receivedBytes: lines, messages: lines })
    expect(line.unansweredBytes).toBeUndefined()
    expect(peer.bytes.length).toBe(lines * (greeting.length + 1))
  })
})

describe('a connection that does not end', () => {
  test.each([
    ['because it does not answer the FIN', async () => {}],
    [
      'because it continues its message',
      async (server: RunningServer, peer: Peer) => {
        await until('the server to end', async () => {
          if (!peer.closed) peer.send('x')
          return !server.running
        })
      },
    ],
  ])('%s is cut after NIHAO_DRAIN_TIMEOUT and counted as that; the exit code is 0', async (_, goOn) => {
    await using server = await startServer('greet://127.0.0.1:0', { env: { NIHAO_DRAIN_TIMEOUT: '2500ms' } })
    await using peer = await Peer.connect(server.port())
    await peer.ask('hi', '你好，hi')
    const stoppedAtMs = performance.now()
    server.kill('SIGTERM')
    await noLongerAccepting(server)
    await goOn(server, peer)
    expect(await server.exit()).toMatchObject({ code: 0, signal: null })
    expect(performance.now() - stoppedAtMs).toBeGreaterThanOrEqual(2_500)
    expect(server.logged({ msg: 'drain timeout: terminating open connections' })).toEqual([
      expect.objectContaining({ connections: 1 }),
    ])
    expect(server.logged({ msg: 'connection closed' })).toEqual([expect.objectContaining({ reason: 'drain_timeout' })])
    expect(await totals(server)).toMatchObject({ closed: { drain_timeout: 1 } })
  })

  test.each([
    ['SIGTERM', 'SIGTERM', 143],
    ['SIGTERM', 'SIGINT', 130],
    ['SIGINT', 'SIGINT', 130],
  ] as const)('is not waited for after a second signal: %s, then %s, gives %i', async (first, second, code) => {
    await using server = await startServer('greet://127.0.0.1:0', { env: { NIHAO_DRAIN_DELAY: '5m' } })
    await using peer = await Peer.connect(server.port())
    await peer.ask('hi', '你好，hi')
    server.kill(first)
    await accepting(server)
    server.kill(second)
    expect(await server.exit()).toMatchObject({ code, signal: null })
    expect(server.logged({ signal: second, msg: 'second signal: exiting immediately' })).toHaveLength(1)
  })
})
