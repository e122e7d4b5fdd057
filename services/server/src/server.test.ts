import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { createLogger } from '@nihao/service'
import { protocols } from '@nihao/wire'
import { Certificates } from '../../../tests/process/support/certificates.ts'
import { Peer } from '../../../tests/process/support/peer.ts'
import { testWith } from '../../../tests/process/support/tool.ts'
import { until } from '../../../tests/process/support/until.ts'
import type { ConnectionReport } from './connection/report.ts'
import type { Listener } from './listener.ts'
import { Server } from './server.ts'
import { readConfig } from './settings.ts'

let server: Server
let reports: ConnectionReport[]
let rejected: [label: string, reason: string, detail: string | undefined][]

/** A server in this process, which records its events. */
async function listen(endpoints: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
  const config = readConfig({ env: { NIHAO_LISTEN: endpoints, ...env }, args: [] })
  server = new Server(config, '1.2.3', createLogger('test', 'silent'))
  reports = []
  rejected = []
  server.events.on('closed', (_, report) => reports.push(report))
  server.events.on('rejected', ({ label }, _, reason, detail) => rejected.push([label, reason, detail]))
  await server.listen()
}

afterEach(async () => {
  jest.useRealTimers()
  await server.drain(0, 0)
})

function listener(index = 0): Listener {
  const found = server.listeners[index]
  if (found === undefined) throw new Error(`no listener ${index}`)
  return found
}

const port = (index = 0) => (listener(index).address as AddressInfo).port

describe('the end of a connection', () => {
  test('is one report, which the totals are made from', async () => {
    await listen('greet://127.0.0.1:0')
    await using peer = await Peer.connect(port())
    await peer.ask('a\nb\n', '你好，a\n你好，b\n')
    const open = { receivedBytes: 4, sentBytes: 22, messages: 2, readPauses: 0, corrupt: 0 }
    expect(await listener().totals()).toEqual({ ...open, bufferedBytes: 0 })
    peer.end()
    const report = await until('a report', () => reports[0])
    expect(report).toEqual({
      ...open,
      id: 1,
      finSeen: true,
      listener: `greet:${port()}`,
      peer: { address: '127.0.0.1', port: peer.port },
      reason: 'client_closed',
      durationMs: expect.any(Number),
      unsentBytes: 0,
      unansweredBytes: 0,
      error: undefined,
      unexpected: false,
      handshakeFailure: undefined,
    })
    expect(await listener().totals()).toEqual({ ...open, bufferedBytes: 0 })
    expect(listener().counters).toMatchObject({ opened: 1, closed: { client_closed: 1 } })
    expect([listener().active, reports.length]).toEqual([0, 1])
  })

  test('whose protocol did not begin is a report as well', async () => {
    await listen('greet://127.0.0.1:0?proxy=v1&trusted-proxies=127.0.0.1')
    await using _silent = await Peer.connect(port())
    await until('an admission', () => listener().active === 1)
    listener().terminate('drain_timeout')
    expect(reports).toMatchObject([{ reason: 'drain_timeout', receivedBytes: 0, sentBytes: 0, unexpected: false }])
    expect(listener().counters).toMatchObject({ opened: 1, closed: { drain_timeout: 1 } })
    expect(listener().active).toBe(0)
  })
})

test('a protocol that fails to begin ends its own connection, gives its slot back, and is reported', async () => {
  await listen('greet://127.0.0.1:0?max-connections=1')
  const error = new TypeError('no')
  const broken = jest.spyOn(protocols.greet, 'serverCodec').mockImplementation(() => {
    throw error
  })
  await using peer = await Peer.connect(port())
  await until('a report', () => reports[0])
  await until('the end', () => peer.closed || peer.fin)
  broken.mockRestore()
  expect(reports).toMatchObject([{ reason: 'error', unexpected: true, error }])
  await using next = await Peer.connect(port())
  await next.ask('hi', '你好，hi')
  next.end()
})

describe('slots', () => {
  test('are free again after every kind of end', async () => {
    await listen('greet://127.0.0.1:0?max-connections=1&proxy=v1&trusted-proxies=127.0.0.1&max-connections-per-address=1')
    const ends: ((peer: Peer) => unknown)[] = [
      peer => peer.end(),
      peer => peer.reset(),
      peer => peer.send('no header\n'),
      peer => peer.socket.end('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nhi\n'),
      () => listener().terminate('drain_timeout'),
    ]
    for (const end of ends) {
      await using peer = await Peer.connect(port())
      await until('an admission', () => listener().active === 1)
      end(peer)
      await until('the end', () => listener().active === 0)
    }
    await using last = await Peer.connect(port())
    await last.ask('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nhi\n', '你好，hi\n')
    expect(rejected.map(([, reason]) => reason)).not.toContain('max_connections')
    last.end()
  })

  test('of the whole process are shared by its listeners', async () => {
    await listen('echo://127.0.0.1:0 greet://127.0.0.1:0', { NIHAO_MAX_CONNECTIONS: '1' })
    await using first = await Peer.connect(port(0))
    await first.ask('x', 'x')
    await using second = await Peer.connect(port(1))
    await second.finished()
    expect(rejected).toEqual([[`greet:${port(1)}`, 'max_connections', undefined]])
    first.end()
    second.end()
  })
})

testWith('openssl', 'after a reset under TLS, the counts are those from before it', async () => {
  using roots = new Certificates()
  const { cert, key } = roots.issue()
  await listen(`echo+tls://127.0.0.1:0?cert=${cert}&key=${key}`)
  const accepted = connect(port(), '127.0.0.1')
  const socket = connectTls({ socket: accepted, ca: readFileSync(roots.ca), host: 'localhost' }).on('error', () => {})
  await once(socket, 'secureConnect')
  socket.pause()
  socket.write(Buffer.alloc(32 * 2 ** 20))
  const [connection] = await until('a connection', () =>
    listener().connections.size > 0 ? [...listener().connections] : undefined,
  )
  if (connection === undefined) throw new Error('no connection')
  await until('a pause', () => connection.readPauses > 0)
  let movedBytes = -1
  await until('nothing to move', () => {
    const isStill = movedBytes === connection.movedBytes && connection.bufferedBytes > 0
    movedBytes = connection.movedBytes
    return isStill
  })
  const { sentBytes, bufferedBytes } = connection
  expect(bufferedBytes).toBeGreaterThan(0)
  accepted.resetAndDestroy()
  const report = await until('a report', () => reports[0])
  expect(report).toMatchObject({ reason: 'reset', sentBytes, unsentBytes: bufferedBytes })
})

test('a drain answers what has arrived, accepts nothing new, and resolves with the last connection', async () => {
  // A draining connection also ends when it is idle, which this one may be while the process waits for a core.
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'performance'] })
  await listen('greet://127.0.0.1:0')
  const where = port()
  await using peer = await Peer.connect(where)
  await peer.ask('half a ', '你好，half a ')
  const drained = server.drain(0, 60_000)
  expect(server.notReady()).toBe('draining')
  await until('the listener to close', () => listener().address === '')
  await expect(Peer.connect(where)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await peer.ask('line\n', 'line\n')
  await peer.finished()
  peer.end()
  await drained
  expect(reports).toMatchObject([{ reason: 'drained', messages: 1 }])
})
