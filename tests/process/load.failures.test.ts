import type { Socket } from 'node:net'
import { describe, expect, test } from '@jest/globals'
import { Background } from './support/background.ts'
import { reportLoad } from './support/load.ts'
import { Peer } from './support/peer.ts'
import { echo, freePort, type Script, ScriptedServer } from './support/scripted-server.ts'
import { testWith } from './support/tool.ts'
import { until } from './support/until.ts'

/** Serves three exchanges rightly, and the fourth in another way. */
const fourth = (wrong: (socket: Socket, request: Buffer) => void): Script => {
  let served = 0
  return socket => {
    socket.on('data', chunk => (++served === 4 ? wrong(socket, chunk) : socket.write(chunk)))
    socket.on('end', () => socket.end())
  }
}

const wrongServers: [name: string, wrong: (socket: Socket, request: Buffer) => void, reason: string, code: number][] = [
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
  ['silence', () => {}, 'timeout', 4],
  ['a part and then silence', (socket, request) => socket.write(request.subarray(0, 3)), 'timeout', 4],
]

describe('load through failures', () => {
  test.each(wrongServers)('%s is counted under its reason, and the load goes on', async (_, wrong, reason, code) => {
    await using server = await ScriptedServer.listen(fourth(wrong))
    const timeout = reason === 'timeout' ? '1s' : '30s'
    const result = await reportLoad('--count', '20', '--timeout', timeout, `echo://127.0.0.1:${server.port}`)
    expect(result.target).toMatchObject({ answered: 19, failed: 1, failures: { [reason]: 1 } })
    expect(result.code).toBe(code)
    expect(server.accepted).toBe(2)
    expect(result.stderr).toContain(`"reason":"${reason}"`)
  })

  test('replies in pieces are right', async () => {
    const pieces: Script = socket => {
      socket.on('data', chunk => {
        for (const byte of chunk) socket.write(Buffer.of(byte))
      })
      socket.on('end', () => socket.end())
    }
    await using server = await ScriptedServer.listen(pieces)
    const { code, target } = await reportLoad('--count', '20', '--depth', '3', `echo://127.0.0.1:${server.port}`)
    expect([code, target.answered]).toEqual([0, 20])
  })

  test('nobody listens: exit code 3, without waiting for the bound', async () => {
    const { code, target } = await reportLoad('--duration', '1m', `echo://127.0.0.1:${await freePort()}`)
    expect([code, target.notConnected?.reason, target.answered]).toEqual([3, 'refused', 0])
  })

  test('a server that comes back is found again, and what was due meanwhile is lost or late', async () => {
    await using server = await ScriptedServer.listen(echo)
    const load = reportLoad('--rate', '100', '--duration', '3s', `echo://127.0.0.1:${server.port}`)
    await until('the load', () => server.accepted === 1)
    server.become(echo)
    const { code, target } = await load
    expect(target.answered + target.failed).toBe(300)
    expect([code, target.answered > 250, server.accepted]).toEqual([4, true, 2])
  })

  test('a server that never comes back ends a load by count, too', async () => {
    const server: ScriptedServer = await ScriptedServer.listen(fourth(() => void server[Symbol.asyncDispose]()))
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
      '10s',
      `echo://127.0.0.1:${port}`,
    )
    expect([code, target.answered, target.failed]).toEqual([0, 500, 0])
  })
})
