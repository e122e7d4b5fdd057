import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { Peer, Peers } from './support/peer.ts'
import { type RunningServer, startServer } from './support/server.ts'
import { until } from './support/until.ts'

const accepting = (server: RunningServer) => server.log({ msg: 'draining: still accepting' })
const noLongerAccepting = (server: RunningServer) => server.log({ msg: 'draining: no longer accepting' })

/** The totals of the first listener, from the last log line. */
const totals = async (server: RunningServer) => (await server.log({ msg: 'stopped' }))[`greet:${server.port()}`]

describe('a signal to stop', () => {
  test('makes the server unready while it still accepts, then stops accepting, and exits with 0', async () => {
    await using server = await startServer('greet://127.0.0.1:0', { env: { NIHAO_DRAIN_DELAY: '3s' } })
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

    await noLongerAccepting(server)
    await expect(Peer.connect(server.port())).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await late.ask('last\n', '你好，last\n')
    await late.finished()
    late.end()
    await early.finished()
    early.end()
    expect(await server.exit()).toEqual({ code: 0, signal: null, stderr: '' })
    expect(await totals(server)).toMatchObject({ opened: 2, closed: { drained: 2 }, messages: 3 })
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
    await using server = await startServer('greet://127.0.0.1:0')
    await using peers = await Peers.connect(20, server.port())
    let asked = 0
    const talking = peers.all.map(async peer => {
      for (let exchange = 0; !peer.fin; exchange++) {
        asked++
        peer.send(`${exchange}\n`)
        const replies = Array.from({ length: exchange + 1 }, (_, index) => `你好，${index}\n`).join('')
        await peer.receives(replies)
        await delay(50) // the pace of a client that asks regularly
      }
      peer.end()
    })
    await until('all to be talking', () => asked > 60)
    server.kill('SIGTERM')
    await Promise.all(talking)
    expect(await server.exit()).toMatchObject({ code: 0 })
    expect(await totals(server)).toMatchObject({ opened: 20, messages: asked, closed: { drained: 20 } })
    expect(server.lines.join()).not.toContain('unansweredBytes')
  })

  test('waits for the end of a message in progress', async () => {
    await using server = await startServer('greet://127.0.0.1:0')
    await using peer = await Peer.connect(server.port())
    await peer.ask('begun', '你好，begun')
    server.kill('SIGTERM')
    await noLongerAccepting(server)
    await peer.ask(' and', ' and')
    expect(peer.fin).toBe(false)
    await peer.ask(' ended\n', ' ended\n')
    await peer.finished()
    peer.end()
    expect(await server.exit()).toMatchObject({ code: 0 })
    expect(await totals(server)).toMatchObject({ closed: { drained: 1 }, messages: 1 })
  })

  test('waits for a reader that stalls for a while: it gets the replies to everything received', async () => {
    await using server = await startServer('greet://127.0.0.1:0?max-buffered=64KiB')
    await using peer = await Peer.connect(server.port(), { reading: false })
    peer.send(Buffer.alloc(32 * 2 ** 20, 'x'))
    await until('the server to pause', async () => (await server.metric('tcp_server_buffered_bytes')) > 0)
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
    expect(line.reason).toBe('drained')
    expect(line.unansweredBytes).toBeUndefined()
    expect(peer.bytes.length).toBe(Number(line.receivedBytes) + Buffer.byteLength('你好，'))
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
