import { describe, expect, test } from '@jest/globals'
import { startClient } from './support/client.ts'
import { ScriptedServer } from './support/scripted-server.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'

const env = { NIHAO_INTERVAL: '100ms', NIHAO_TIMEOUT: '10s' }

describe('the log of the client', () => {
  test('has a summary of each target every summary interval', async () => {
    await using server = await startServer('echo://127.0.0.1:0 greet://127.0.0.1:0')
    const urls = [`echo://127.0.0.1:${server.port(0)}`, `greet://127.0.0.1:${server.port(1)}`]
    const intervalMs = 200
    const startMs = Date.now()
    await using client = await startClient(urls.join(' '), {
      env: { ...env, NIHAO_INTERVAL: '20ms', NIHAO_SUMMARY_INTERVAL: `${intervalMs}ms` },
    })
    // Those of a busy machine may have no exchanges, or only some during which the client stood still, which are not measured.
    await until('five summaries of each, some with round trips', () =>
      urls.every(target => {
        const summaries = client.logged({ msg: 'summary', target })
        return summaries.length >= 5 && summaries.some(({ roundTripMs }) => roundTripMs !== undefined)
      }),
    )
    const totals = await client.stop()
    for (const url of urls) {
      const summaries = client.logged({ msg: 'summary', target: url })
      let exchanges = 0
      for (const [index, summary] of summaries.entries()) {
        expect(Date.parse(summary.time) - startMs).toBeGreaterThanOrEqual((index + 1) * intervalMs - 2)
        expect(summary).toMatchObject({ level: 'info', failures: 0, exchanges: expect.any(Number) })
        expect(summary).not.toHaveProperty('failing')
        if (summary.exchanges === 0) continue // it may not have connected yet
        expect(summary.connections).toBe(1)
        exchanges += Number(summary.exchanges)
        if (summary.roundTripMs === undefined) continue
        const { p50, p99, max } = summary.roundTripMs as Record<string, number>
        expect(p50).toBeGreaterThan(0)
        expect([p50, p99, max]).toEqual([p50, p99, max].toSorted((a = 0, b = 0) => a - b))
      }
      // The summaries add up to the totals, except for exchanges after the last one.
      expect(exchanges).toBeGreaterThan(0)
      expect(exchanges).toBeLessThanOrEqual(totals[url]?.exchanges ?? 0)
    }
  })

  test('has the failures of a target in its summary', async () => {
    await using server = await ScriptedServer.listen(socket => socket.resume().end())
    await using client = await startClient(`echo://127.0.0.1:${server.port}`, {
      env: { ...env, NIHAO_SUMMARY_INTERVAL: '100ms', NIHAO_TIMEOUT: '100ms' },
    })
    const failing = await client.log({ msg: 'summary', failing: 'eof' })
    expect(failing).not.toHaveProperty('roundTripMs')
  })

  test('shows the first reply once', async () => {
    await using server = await startServer('greet://127.0.0.1:0')
    await using client = await startClient(`greet://127.0.0.1:${server.port()}?connections=4`, { env })
    await until('ten exchanges', async () => (await client.metric('tcp_client_exchanges_total')) >= 10)
    await client.log({ msg: 'first reply' })
    expect(client.logged({ msg: 'first reply' })).toEqual([expect.objectContaining({ level: 'info', reply: '你好，张三' })])
    // Exchanges are logged only at level trace.
    expect(client.lines.length).toBeLessThan(5)
  })

  test('has a line for each exchange at level trace', async () => {
    await using server = await startServer('greet://127.0.0.1:0')
    await using client = await startClient(`greet://127.0.0.1:${server.port()}`, { env: { ...env, NIHAO_LOG_LEVEL: 'trace' } })
    await until('some exchanges', () => client.logged({ level: 'trace', msg: 'exchange' }).length >= 3)
  })
})
