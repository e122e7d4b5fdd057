import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { startClient, type Totals } from './support/client.ts'
import { note } from './support/figures.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'

describe('server and client', () => {
  test('agree to the byte after 20 connections with 200 exchanges a second', async () => {
    await using server = await startServer('greet://127.0.0.1:0 echo://127.0.0.1:0')
    const protocols = ['greet', 'echo'] as const
    const url = (index: number) => `${protocols[index]}://127.0.0.1:${server.port(index)}`
    const env = { NIHAO_CONNECTIONS: '10', NIHAO_INTERVAL: '100ms', NIHAO_TIMEOUT: '10s' }
    await using client = await startClient(`${url(0)} ${url(1)}`, { env })
    await until('a second of exchanges', async () => (await client.metric('tcp_client_exchanges_total')) >= 200)
    const elapsedMs = Date.now() - Date.parse((await client.log({ msg: 'admin listening' })).time)
    const totals = await client.stop()

    for (const [index, protocol] of protocols.entries()) {
      const { [url(index)]: seen } = totals
      const { exchanges, sentBytes, receivedBytes } = seen as Totals
      expect(seen).toMatchObject({
        exchangeFailures: {},
        outages: {},
        connectionAttempts: 10,
        connectionsClosed: { finished: 10 },
      })
      expect([sentBytes, receivedBytes]).toEqual([7 * exchanges, (protocol === 'greet' ? 16 : 7) * exchanges])

      const listener = { listener: `${protocol}:${server.port(index)}` }
      await server.untilMetric('tcp_server_connections_closed_total', 10, { ...listener, reason: 'client_closed' })
      const counters: Record<string, number> = {
        connections_opened_total: 10,
        connections_closed_total: 10,
        connections_active: 0,
        received_bytes_total: sentBytes,
        sent_bytes_total: receivedBytes,
        buffered_bytes: 0,
      }
      for (const [name, value] of Object.entries(counters)) {
        expect([protocol, name, await server.metric(`tcp_server_${name}`, listener)]).toEqual([protocol, name, value])
      }
      // Lines for greet; an echo knows none, and counts what one read brought.
      const messages = await server.metric('tcp_server_messages_total', listener)
      expect(messages).toBeLessThanOrEqual(exchanges)
      expect(messages).toBeGreaterThan(protocol === 'greet' ? exchanges - 1 : 0)
      note(
        `${protocol}: ${exchanges} exchanges in ${elapsedMs} ms; ${sentBytes} bytes there, ${receivedBytes} bytes back, on both sides`,
      )
    }
  })

  test('over a Unix socket, with discard, and over IPv6', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'nihao-'))
    const path = join(folder.path, 'greet.sock')
    await using server = await startServer(`greet+unix://${path} discard://127.0.0.1:0 echo://[::1]:0`)
    const urls = [`greet+unix://${path}`, `discard://127.0.0.1:${server.port(1)}`, `echo://[::1]:${server.port(2)}`]
    await using client = await startClient(urls.join(' '), { env: { NIHAO_INTERVAL: '50ms', NIHAO_FRESH: 'true' } })
    await until('some exchanges on each', async () =>
      Object.values(await client.targets()).every(({ exchanges }) => exchanges >= 10),
    )
    const open = await client.connections()
    expect(open.find(({ target }) => target === urls[0])).toMatchObject({ remoteAddress: 'unix' })
    expect(await client.log({ msg: 'first reply', target: urls[0] })).toMatchObject({ reply: '你好，张三' })
    const totals = await client.stop()
    for (const [index, [protocol, reply]] of (
      [
        ['greet', 16],
        ['discard', 0],
        ['echo', 7],
      ] as const
    ).entries()) {
      const { exchanges = 0, ...seen } = totals[urls[index] ?? ''] ?? {}
      expect(seen).toMatchObject({
        exchangeFailures: {},
        outages: {},
        sentBytes: 7 * exchanges,
        receivedBytes: reply * exchanges,
      })
      const label = index === 0 ? `greet:${path}` : `${protocol}:${server.port(index)}`
      await server.untilMetric('tcp_server_connections_active', 0, { listener: label })
      expect(await server.metric('tcp_server_received_bytes_total', { listener: label })).toBe(7 * exchanges)
    }
  })
})
