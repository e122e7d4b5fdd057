import { mkdtempSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Background } from './support/background.ts'
import { type RunningClient, startClient, type Totals } from './support/client.ts'
import { Peer } from './support/peer.ts'
import { echo, freePort, type Script, ScriptedServer } from './support/scripted-server.ts'
import { testWith } from './support/tool.ts'
import { until } from './support/until.ts'

const env = { NIHAO_INTERVAL: '50ms', NIHAO_TIMEOUT: '10s' }

/** The totals of a client after at least this many exchanges, none of which may fail. */
async function exchanges(client: RunningClient, least = 10): Promise<Totals> {
  await until(`${least} exchanges`, async () => (await client.metric('tcp_client_exchanges_total')) >= least)
  const [target = ''] = Object.keys(await client.targets())
  const { [target]: totals } = await client.stop()
  expect(totals).toMatchObject({ connectionFailures: {}, exchangeFailures: {}, outages: {} })
  expect(client.logged({ level: 'warn' })).toEqual([])
  return totals as Totals
}

async function untilListening(where: number | string): Promise<void> {
  await until(`a listener on ${where}`, async () => {
    const peer = await Peer.connect(where).catch(() => undefined)
    await peer?.[Symbol.asyncDispose]()
    return peer !== undefined
  })
}

describe('the client works with', () => {
  testWith('socat', 'socat that echoes, sessions and fresh connections', async () => {
    const port = await freePort()
    await using _socat = new Background('socat', [`TCP-LISTEN:${port},bind=127.0.0.1,reuseaddr,fork,backlog=128`, 'EXEC:cat'])
    await untilListening(port)
    await using client = await startClient(`echo://127.0.0.1:${port}?connections=3&fresh=true`, { env })
    const { connectionsClosed, sentBytes, receivedBytes } = await exchanges(client, 20)
    expect(connectionsClosed).toEqual({ finished: expect.any(Number) })
    expect(receivedBytes).toBe(sentBytes)
  })

  testWith('socat', 'socat that echoes on a Unix socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nihao-'))
    const path = join(folder, 'echo.sock')
    try {
      await using _socat = new Background('socat', [`UNIX-LISTEN:${path},fork`, 'EXEC:cat'])
      await untilListening(path)
      await using client = await startClient(`echo+unix://${path}`, { env })
      await exchanges(client)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  testWith('socat', 'socat that discards everything', async () => {
    const port = await freePort()
    await using _socat = new Background('socat', ['-u', `TCP-LISTEN:${port},bind=127.0.0.1,reuseaddr,fork`, 'OPEN:/dev/null'])
    await untilListening(port)
    await using client = await startClient(`discard://127.0.0.1:${port}`, { env })
    const { exchanges: count, sentBytes, receivedBytes } = await exchanges(client)
    expect([sentBytes, receivedBytes]).toEqual([7 * count, 0])
  })

  testWith('nc', 'nc -lk whose output is its input', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nihao-'))
    const port = await freePort()
    try {
      const loop = `mkfifo ${folder}/loop && nc -lk 127.0.0.1 ${port} <${folder}/loop | cat >${folder}/loop`
      await using _nc = new Background('sh', ['-c', loop])
      await untilListening(port)
      await using client = await startClient(`echo://127.0.0.1:${port}`, { env })
      const { sentBytes, receivedBytes } = await exchanges(client)
      expect(receivedBytes).toBe(sentBytes)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  /** Calls back with each complete line. */
  const lines = (socket: Socket, take: (line: string) => void) => {
    let rest = ''
    socket.setEncoding('utf8').on('data', (text: string) => {
      const whole = (rest + text).split('\n')
      rest = whole.pop() ?? ''
      for (const line of whole) take(line)
    })
    socket.on('end', () => socket.end())
  }

  const scripts: [name: string, script: Script, target: (port: number) => string, replyBytes: number][] = [
    [
      'an echo with a prefix of its own',
      socket => lines(socket, line => socket.write(`hello ${line}\n`)),
      port => `greet://127.0.0.1:${port}?greeting=hello%20`,
      13,
    ],
    ['an echo without a prefix, as a greet target', echo, port => `greet://127.0.0.1:${port}?greeting=`, 7],
    ['an echo of a message of its own', echo, port => `echo://127.0.0.1:${port}?message=how%20are%20you?`, 13],
    ['an echo of an empty message', echo, port => `echo://127.0.0.1:${port}?message=`, 1],
    [
      'replies that come byte by byte',
      socket => {
        let sent = Promise.resolve()
        lines(socket, line => {
          sent = sent.then(async () => {
            for (const byte of Buffer.from(`你好，${line}\n`)) {
              socket.write(Buffer.of(byte))
              await nextTurn()
            }
          })
        })
      },
      port => `greet://127.0.0.1:${port}`,
      16,
    ],
    [
      'replies that come several at once',
      socket => {
        let waiting = ''
        lines(socket, line => {
          if (waiting === '') {
            setTimeout(() => {
              socket.write(waiting)
              waiting = ''
            }, 200)
          }
          waiting += `${line}\n`
        })
      },
      port => `echo://127.0.0.1:${port}`,
      7,
    ],
    [
      'a server that takes longer to answer than an interval',
      socket => lines(socket, line => setTimeout(() => socket.write(`${line}\n`), 200)),
      port => `echo://127.0.0.1:${port}`,
      7,
    ],
  ]

  describe('minimal servers:', () => {
    const servers: ScriptedServer[] = []
    let totals: Totals[] = []
    let warnings: unknown[] = []

    beforeAll(async () => {
      for (const [, script] of scripts) servers.push(await ScriptedServer.listen(script))
      const targets = scripts.map(([, , target], index) => target(servers[index]?.port ?? 0))
      await using client = await startClient(targets.join(' '), { env })
      await until('exchanges with all', async () =>
        Object.values(await client.targets()).every(({ exchanges }) => exchanges >= 10),
      )
      const stopped = await client.stop()
      totals = targets.map(target => stopped[target.split('?')[0] ?? ''] as Totals)
      warnings = client.logged({ level: 'warn' })
    })
    afterAll(async () => {
      for (const server of servers) await server[Symbol.asyncDispose]()
    })

    test.each(scripts.map(([name, , , replyBytes], index) => [name, replyBytes, index] as const))(
      '%s',
      (_, replyBytes, index) => {
        const { exchanges = 0, ...seen } = totals[index] ?? {}
        expect(exchanges).toBeGreaterThanOrEqual(10)
        expect(seen).toMatchObject({
          connectionAttempts: 1,
          connectionsClosed: { finished: 1 },
          receivedBytes: replyBytes * exchanges,
        })
        expect(seen).toMatchObject({ connectionFailures: {}, exchangeFailures: {}, outages: {} })
        expect(servers[index]?.accepted).toBe(1)
      },
    )

    test('and no failure is reported for any of them', () => {
      expect(warnings).toEqual([])
    })
  })
})

test('exchanges with discard succeed while the server reads, and time out when it does not', async () => {
  await using server = await ScriptedServer.listen(socket => socket.resume())
  const url = `discard://127.0.0.1:${server.port}`
  await using client = await startClient(`${url}?message=${'x'.repeat(60_000)}&interval=5ms&timeout=300ms`, { env })
  await until('exchanges', async () => (await client.metric('tcp_client_exchanges_total')) >= 20)
  for (const socket of server.open) socket.pause()
  expect(await client.log({ msg: 'outage began' })).toMatchObject({ target: url, reason: 'timeout' })
  const { lostExchanges } = await client.log({ msg: 'outage over' })
  expect(lostExchanges).toBeGreaterThan(0)
})
