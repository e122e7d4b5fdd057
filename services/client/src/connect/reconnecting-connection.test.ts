import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from '@jest/globals'
import { createLogger } from '@nihao/service'
import { type Bytes, protocols, type ServerCodec } from '@nihao/wire'
import { freePort } from '../../../../tests/process/support/scripted-server.ts'
import { modes, readModeConfig } from '../settings.ts'
import { Target } from '../target.ts'
import type { Connection } from './connection.ts'
import type { Exchange } from './connection-events.ts'
import { ReconnectingConnection } from './reconnecting-connection.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

const info = { server: 'a', release: '0', listener: '', address: '', peer: undefined, connections: 1, limit: null }
const bytesOf = (bytes: Bytes | undefined) => (Array.isArray(bytes) ? Buffer.concat(bytes) : Buffer.from((bytes ?? '') as Buffer))

/** What a server does with its n-th connection, before it speaks the protocol on it. */
type Script = (socket: Socket, codec: ServerCodec, index: number) => void

/** A server of the probe protocol: `open` says hello. */
async function serve(open: Script): Promise<string> {
  const sockets = new Set<Socket>()
  let accepted = 0
  const server = createServer({ allowHalfOpen: true, noDelay: true }, socket => {
    sockets.add(socket)
    const codec = protocols.probe.serverCodec({ greeting: '', maxMessage: 1_000 }, () => info)
    socket.on('error', () => {})
    socket.on('data', chunk => {
      socket.write(bytesOf(codec.receive(Buffer.from(chunk))))
      if (codec.finished) socket.end()
    })
    socket.on('end', () => socket.end())
    open(socket, codec, accepted++)
  }).listen(await freePort(), '127.0.0.1')
  await once(server, 'listening')
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise(resolve => server.close(resolve))
  })
  return `probe://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const hello: Script = (socket, codec) => socket.write(bytesOf(codec.open?.()))
const helloAndGoAway: Script = (socket, codec) =>
  socket.write(Buffer.concat([bytesOf(codec.open?.()), bytesOf(codec.goAway?.('drain', 5_000))]))

/** Keeps a connection to the target and records its events. */
function connectTo(url: string) {
  const env = { NIHAO_TARGETS: url, NIHAO_BACKOFF: '1ms', NIHAO_BACKOFF_MAX: '5ms', NIHAO_TIMEOUT: '60s' }
  const [config] = readModeConfig(modes.load, { env, args: [] }).targetConfigs
  if (config === undefined) throw new Error(`no target: ${url}`)
  const ignore = () => {}
  const observer = { phase: ignore, exchange: ignore, roundTrip: ignore, scheduleLag: ignore, outage: ignore }
  const target = new Target(config, () => observer, createLogger('test', 'silent'))
  const seen: string[] = []
  const waiting = new Map<string, () => void>()
  const saw = (event: string) => {
    seen.push(event)
    waiting.get(event)?.()
  }
  const connection = new ReconnectingConnection(target, {
    connected: () => saw('connected'),
    notConnected: ({ reason }) => saw(`not connected: ${reason}`),
    answered: () => saw('answered'),
    handedOver: (old: Connection) => saw(`handed over: ${old.goAwayReason}`),
    closed: (closed, failure, lost, current) =>
      saw(`closed: ${failure?.reason ?? closed.closeReason}, lost ${lost.length}${current ? ', current' : ''}`),
  })
  const ended = connection.run()
  cleanUps.push(async () => {
    connection.stop()
    await ended
  })
  const exchange = (): Exchange => ({ intendedMs: performance.now(), deadlineMs: performance.now() + 60_000, sentMs: 0 })
  return {
    target,
    seen,
    ask: () => connection.current?.send(exchange()),
    when: (event: string) => new Promise<void>(resolve => (seen.includes(event) ? resolve() : waiting.set(event, resolve))),
  }
}

describe('a reconnecting connection', () => {
  test('with GOAWAY in the same read as HELLO is used, then handed over', async () => {
    const url = await serve((...open) => (open[2] === 0 ? helloAndGoAway(...open) : hello(...open)))
    const { seen, target, when, ask } = connectTo(url)
    await when('connected')
    ask()
    await when('closed: goaway, lost 0')
    expect(seen.filter(event => event !== 'answered')).toEqual([
      'connected',
      'handed over: drain',
      'connected',
      'closed: goaway, lost 0',
    ])
    expect(seen).toContain('answered')
    expect(target.counters).toMatchObject({
      handovers: 1,
      connectionAttempts: 2,
      exchanges: 1,
      comparisons: { equal: 1, different: 0 },
    })
  })

  test('to a server that sends GOAWAY on every connection reconnects with backoff, and loses nothing', async () => {
    let accepted = 0
    const url = await serve((...open) => {
      accepted++
      if (accepted < 5) helloAndGoAway(...open)
      else hello(...open)
    })
    const { seen, when, ask } = connectTo(url)
    await when('connected')
    ask()
    await when('answered')
    while (accepted < 5) await new Promise(resolve => setTimeout(resolve, 1))
    expect(seen.filter(event => event.startsWith('closed:') && event !== 'closed: goaway, lost 0')).toEqual([])
  })

  test('reconnects when it is lost', async () => {
    const url = await serve((...open) => {
      hello(...open)
      if (open[2] === 0) open[0].prependOnceListener('data', () => open[0].resetAndDestroy())
    })
    const { seen, when, ask } = connectTo(url)
    await when('connected')
    ask()
    await when('closed: reset, lost 1, current')
    seen.length = 0
    await when('connected')
    ask()
    await when('answered')
  })

  test('keeps trying while nothing listens', async () => {
    const url = await serve(hello)
    await cleanUps.pop()?.()
    const { seen, when } = connectTo(url)
    await when('not connected: refused')
    seen.length = 0
    await when('not connected: refused')
  })
})
