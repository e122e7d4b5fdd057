import type { Socket } from 'node:net'
import { describe, expect, test } from '@jest/globals'
import { Background } from './support/background.ts'
import { reportLoad, runLoad } from './support/load.ts'
import { Peer } from './support/peer.ts'
import { frame } from './support/probe-server.ts'
import { echo, freePort, type Script, ScriptedServer } from './support/scripted-server.ts'
import { startServer } from './support/server.ts'
import { testWith } from './support/tool.ts'
import { until } from './support/until.ts'

/** Serves three exchanges correctly, and the fourth differently. */
const fourth = (wrong: (socket: Socket, request: Buffer) => void): Script => {
  let served = 0
  return socket => {
    socket.on('data', chunk => (++served === 4 ? wrong(socket, chunk) : socket.write(chunk)))
    socket.on('end', () => socket.end())
  }
}

type WrongServer = [name: string, wrong: (socket: Socket, request: Buffer) => void, reason: string, code: number]

const wrongServers: WrongServer[] = [
  ['other bytes', (socket, request) => socket.write(Buffer.alloc(request.length, 'x')), 'mismatch', 5],
  [
    "another's reply before the right one",
    (socket, request) => socket.write(Buffer.concat([Buffer.from('李四\n'), request])),
    'mismatch',
    5,
  ],
  ['a reply that is too long', (socket, request) => socket.write(Buffer.concat([request, request])), 'mismatch', 5],
  ['a short reply, then FIN', (socket, request) => socket.end(request.subarray(0, 3)), 'eof', 4],
  ['FIN', socket => socket.end(), 'eof', 4],
  ['RST', socket => socket.resetAndDestroy(), 'reset', 4],
]

const silentServers: WrongServer[] = [
  ['silence', () => {}, 'timeout', 4],
  ['a part and then silence', (socket, request) => socket.write(request.subarray(0, 3)), 'timeout', 4],
]

describe('load through failures', () => {
  const isCounted =
    (timeout: string) =>
    async (...[_, wrong, reason, code]: WrongServer) => {
      await using server = await ScriptedServer.listen(fourth(wrong))
      const result = await reportLoad('--count', '20', '--timeout', timeout, `echo://127.0.0.1:${server.port}`)
      expect(result.target).toMatchObject({ answered: 19, failed: 1, failures: { [reason]: 1 } })
      expect(result.code).toBe(code)
      expect(server.accepted).toBe(2)
      expect(result.stderr).toContain(`"reason":"${reason}"`)
    }

  test.each(wrongServers)('%s is counted by reason, and the load continues', isCounted('30s'))

  // A timeout that no other exchange exceeds on a busy machine. It passes while the other tests run.
  test.concurrent.each(silentServers)('%s is counted by reason, and the load continues', isCounted('10s'))

  test.each([
    ['probe', { side: 'server', evidence: 'server_closed' }],
    ['echo', { side: 'unknown', evidence: 'none' }],
  ])('connections that a %s server resets have a side where it says so', async (protocol, side) => {
    await using server = await startServer(`${protocol}://127.0.0.1:0?reset-after=5n`)
    // The server is asked how each of the connections ended, and may be late with some of the answers.
    const flags = ['--count', '60', '--timeout', '30s', '--backoff', '10ms', '--backoff-max', '10ms']
    const { target } = await reportLoad(...flags, `${protocol}://127.0.0.1:${server.port()}`)
    const { broken } = target.connections
    expect(broken).toContainEqual(expect.objectContaining({ reason: 'reset', ...side }))
    // The last one may not have been replaced.
    expect(broken.every(({ side: named }) => named === side.side || named === 'unknown')).toBe(true)
    const sum = (of: 'connections' | 'exchanges') => broken.reduce((total, { [of]: count }) => total + count, 0)
    expect([sum('connections'), sum('exchanges')]).toEqual([target.connections.closed.reset, target.failed])
  })

  test('fragmented replies are correct', async () => {
    const pieces: Script = socket => {
      socket.on('data', chunk => {
        for (const byte of chunk) socket.write(Buffer.of(byte))
      })
      socket.on('end', () => socket.end())
    }
    await using server = await ScriptedServer.listen(pieces)
    const flags = ['--count', '20', '--depth', '3', '--timeout', '30s']
    const { code, target } = await reportLoad(...flags, `echo://127.0.0.1:${server.port}`)
    expect([code, target.answered]).toEqual([0, 20])
  })

  test('without a listener, it exits with 3 immediately', async () => {
    const { code, target } = await reportLoad('--duration', '1m', `echo://127.0.0.1:${await freePort()}`)
    expect([code, target.notConnected?.reason, target.answered]).toEqual([3, 'refused', 0])
  })

  test('a load that never connected has no client figures', async () => {
    const target = `echo://127.0.0.1:${await freePort()}`
    expect((await reportLoad('--duration', '1s', target)).report.client).toBeNull()
    const { stdout } = await runLoad('--duration', '1s', target)
    expect(stdout).toMatch(/could not connect: refused \(connect ECONNREFUSED 127\.0\.0\.1:\d+\)/)
    expect(stdout).not.toMatch(/busy/)
  })

  test('the text report escapes text from a server', async () => {
    await using server = await ScriptedServer.listen(socket =>
      socket.end(frame('reject', { reason: 'a\u001b[2J\nb\u202ec', limit: 1 })),
    )
    const { stdout, stderr } = await runLoad('--count', '1', `probe://127.0.0.1:${server.port}`)
    expect(stdout).toContain('could not connect: rejected (a\\u{1b}[2J\\u{a}b\\u{202e}c)')
    expect(stdout + stderr).not.toMatch(/[^\P{Cc}\n]|\u202e/mu)
  })

  // Its ten seconds pass while the other tests run.
  test.concurrent('a reply that is late from its intended start is a timeout, even if it is in time after the send', async () => {
    // In time by nine seconds after the send, which a busy machine does not use up.
    await using server = await ScriptedServer.listen(socket => {
      socket.on('data', chunk => setTimeout(() => socket.write(chunk), 1_000))
      socket.on('end', () => socket.end())
    })
    const flags = ['--rate', '20', '--count', '15', '--timeout', '10s']
    const { target } = await reportLoad(...flags, `echo://127.0.0.1:${server.port}`)
    expect(target.failures).toEqual({ timeout: 15 - target.answered })
    // The nth reply takes n seconds, and its exchange was due 50 ms after the one before.
    expect(target.answered).toBeLessThanOrEqual(10)
    expect(target.latencyMs.fromIntendedStart.max ?? 0).toBeLessThanOrEqual(10_000.1)
    expect(target.connections.closed).toEqual({ finished: 1 })
  })

  test('the load reconnects to a server that returns; what was sent is lost, and what was due meanwhile is not', async () => {
    const ANSWERED = 50
    let requests = 0
    const server: ScriptedServer = await ScriptedServer.listen(socket => {
      socket.on('data', chunk => {
        requests += chunk.toString().split('\n').length - 1
        if (requests > ANSWERED) server.become(echo)
        else socket.write(chunk)
      })
    })
    await using _ = server
    // The deadline of exchanges that wait for the next connection is out of a busy machine's reach.
    const flags = ['--rate', '200', '--count', '150', '--timeout', '60s']
    const { code, target } = await reportLoad(...flags, `echo://127.0.0.1:${server.port}`)
    expect([code, server.accepted, target.answered + target.failed]).toEqual([4, 2, 150])
    expect(target.failed).toBeGreaterThan(0)
    expect(Object.keys(target.failures).filter(reason => reason !== 'eof' && reason !== 'reset')).toEqual([])
  })

  test('a load by count also ends if the server never returns', async () => {
    // Not an ephemeral port, which another server could be given as soon as this one is closed.
    const script = fourth(() => void server[Symbol.asyncDispose]())
    const server: ScriptedServer = await ScriptedServer.listen(script, { port: await freePort() })
    const flags = ['--count', '10', '--backoff-max', '10ms', '--backoff', '10ms']
    const { code, target } = await reportLoad(...flags, `echo://127.0.0.1:${server.port}`)
    expect(target).toMatchObject({ answered: 3, failed: 7 })
    expect(code).toBe(4)
  })

  testWith('socat', 'socat echoes', async () => {
    const port = await freePort()
    await using _ = new Background('socat', [`TCP-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr`, 'EXEC:cat'])
    await until('socat', async () => {
      await using peer = await Peer.connect(port).catch(() => ({ async [Symbol.asyncDispose]() {} }))
      return peer instanceof Peer
    })
    const { code, target } = await reportLoad(
      '--count',
      '500',
      '--connections',
      '3',
      '--depth',
      '4',
      '--timeout',
      '30s',
      `echo://127.0.0.1:${port}`,
    )
    expect([code, target.answered, target.failed]).toEqual([0, 500, 0])
  })
})
