import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { type RunningClient, startClient } from './support/client.ts'
import { note } from './support/figures.ts'
import { freePort } from './support/scripted-server.ts'
import { startServer } from './support/server.ts'
import type { LogLine } from './support/service.ts'
import { until } from './support/until.ts'

const SESSIONS = 4
const DOWN_MS = 4_000
const env = {
  NIHAO_CONNECTIONS: String(SESSIONS),
  NIHAO_INTERVAL: '100ms',
  NIHAO_TIMEOUT: '2s',
}

/** Waits until every session has had a good exchange after the ones that it had already. */
async function working(client: RunningClient): Promise<void> {
  await until('every session to work', async () => {
    const connections = await client.connections()
    return connections.length === SESSIONS && connections.every(({ answered }) => answered >= 2)
  })
}

/** The lines that tell of the end of an outage, one for each session. */
async function outagesOver(client: RunningClient): Promise<LogLine[]> {
  await until('all outages to be over', () => client.logged({ msg: 'outage over' }).length >= SESSIONS)
  return client.logged({ msg: 'outage over' })
}

/** What must be true of every outage that all sessions had together: one each, with its length and all that was lost. */
async function expectOneOutageEach(client: RunningClient, url: string, downMs: number, reasons: string[]): Promise<void> {
  const over = await outagesOver(client)
  const address = url.slice('greet://'.length)
  for (const line of over) {
    expect(line).toMatchObject({ target: url, left: address, found: address })
    expect(reasons).toContain(line.reason)
    expect(line.durationMs).toBeGreaterThanOrEqual(downMs * 0.8 - 1_000)
    expect(line.durationMs).toBeLessThanOrEqual(downMs * 1.2 + 5_000)
  }
  await working(client)
  expect(await client.metric('tcp_client_outage_duration_seconds_count')).toBe(SESSIONS)
  const { [url]: totals } = await client.stop()
  for (const msg of ['outage began', 'outage over']) expect(client.logged({ msg })).toHaveLength(SESSIONS)
  expect(client.logged({ msg: 'outage not over' })).toEqual([])
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0)
  expect(sum(Object.values(totals?.outages ?? {}))).toBe(SESSIONS)
  expect(reasons).toEqual(expect.arrayContaining(Object.keys(totals?.outages ?? {})))
  // What was due more than the timeout before the end is lost, in each session.
  const lost = over.map(({ lostExchanges }) => Number(lostExchanges))
  expect(Math.min(...lost)).toBeGreaterThanOrEqual(5)
  expect(sum(Object.values(totals?.exchangeFailures ?? {}))).toBe(sum(lost))
  const durations = over.map(({ durationMs }) => `${durationMs} ms`).join(', ')
  note(`down for ${Math.round(downMs)} ms; the sessions' outages: ${durations}; lost exchanges: ${lost.join(', ')}`)
}

describe('one outage for each session', () => {
  test('when the server is killed and comes back', async () => {
    const listen = `greet://127.0.0.1:${await freePort()}`
    await using first = await startServer(listen)
    await using client = await startClient(listen, { env })
    await working(client)

    const startMs = performance.now()
    first.kill('SIGKILL')
    await first.exit()
    for (const { closedBy } of await until('all to notice', () => {
      const began = client.logged({ msg: 'outage began' })
      return began.length === SESSIONS && began
    })) {
      expect(closedBy).toBe('server')
    }
    await delay(Math.max(0, startMs + DOWN_MS - performance.now()))
    await using _second = await startServer(listen)
    const downMs = performance.now() - startMs

    // FIN where the server had read everything, RST where it had not.
    await expectOneOutageEach(client, listen, downMs, ['eof', 'reset'])
  })

  test('when the server is paused and goes on', async () => {
    await using server = await startServer('greet://127.0.0.1:0')
    const url = `greet://127.0.0.1:${server.port()}`
    await using client = await startClient(url, { env })
    await working(client)

    const startMs = performance.now()
    server.kill('SIGSTOP')
    await delay(DOWN_MS)
    const downMs = performance.now() - startMs
    server.kill('SIGCONT')

    await expectOneOutageEach(client, url, downMs, ['timeout'])
    expect(client.logged({ msg: 'outage began', closedBy: 'client' })).toHaveLength(SESSIONS)
  })
})

describe('a server that is told to stop', () => {
  test('leaves with a FIN, and nothing that was sent is lost', async () => {
    const listen = `greet://127.0.0.1:${await freePort()}`
    await using first = await startServer(listen)
    // What is due while there is no server waits for the next.
    await using client = await startClient(listen, { env: { ...env, NIHAO_INTERVAL: '1s', NIHAO_TIMEOUT: '1m' } })
    await working(client)

    first.kill('SIGTERM')
    expect((await first.exit()).code).toBe(0)
    await until('all to notice', () => client.logged({ msg: 'outage began' }).length === SESSIONS)
    await using _second = await startServer(listen)
    for (const line of await outagesOver(client)) {
      expect(line).toMatchObject({ reason: 'eof', closedBy: 'server', lostExchanges: 0 })
    }
    await working(client)
    const { [listen]: totals } = await client.stop()
    expect(totals).toMatchObject({ outages: { eof: SESSIONS }, exchangeFailures: {} })
    expect(totals?.connectionsClosed).toEqual({ server_closed: SESSIONS, finished: SESSIONS })
    expect(totals?.sentBytes).toBe(7 * (totals?.exchanges ?? 0))
    expect(totals?.receivedBytes).toBe(16 * (totals?.exchanges ?? 0))
  })
})
