import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { type RunningClient, startClient } from './support/client.ts'
import { type Downtime, downtime, expectDuration } from './support/downtime.ts'
import { note } from './support/figures.ts'
import { freePort } from './support/scripted-server.ts'
import { type RunningServer, startServer } from './support/server.ts'
import type { LogLine } from './support/service.ts'
import { until } from './support/until.ts'

const SESSIONS = 4
/** Exchanges may be late only because the server is down, even on a busy machine. */
const times = { intervalMs: 100, timeoutMs: 4_000 }
const DOWN_MS = 6_000
const env = {
  NIHAO_CONNECTIONS: String(SESSIONS),
  NIHAO_INTERVAL: `${times.intervalMs}ms`,
  NIHAO_TIMEOUT: `${times.timeoutMs}ms`,
}

const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0)

/** Waits for another successful exchange in every session. */
async function working(client: RunningClient): Promise<void> {
  await until('every session to work', async () => {
    const connections = await client.connections()
    return connections.length === SESSIONS && connections.every(({ answered }) => answered >= 2)
  })
}

/** The lines about the end of an outage, one for each session. */
async function outagesOver(client: RunningClient): Promise<LogLine[]> {
  await until('all outages to be over', () => client.logged({ msg: 'outage over' }).length >= SESSIONS)
  return client.logged({ msg: 'outage over' })
}

/** Asserts an outage of all sessions: one line each, with its duration and all lost exchanges. */
async function expectOneOutageEach(client: RunningClient, url: string, down: Downtime, reasons: string[]): Promise<void> {
  const over = await outagesOver(client)
  const address = url.slice('greet://'.length)
  for (const line of over) {
    expect(line).toMatchObject({ target: url, left: address, found: address })
    expect(reasons).toContain(line.reason)
    expectDuration(line.durationMs, down, times)
    expect(line.atMostMs).toBeGreaterThanOrEqual(Number(line.durationMs))
  }
  await working(client)
  expect(await client.metric('tcp_client_outage_duration_seconds_count')).toBe(SESSIONS)
  const { [url]: totals } = await client.stop()
  for (const msg of ['outage began', 'outage over']) expect(client.logged({ msg })).toHaveLength(SESSIONS)
  expect(client.logged({ msg: 'outage not over' })).toEqual([])
  expect(sum(Object.values(totals?.outages ?? {}))).toBe(SESSIONS)
  expect(reasons).toEqual(expect.arrayContaining(Object.keys(totals?.outages ?? {})))
  // In each session, exchanges due more than the timeout before the end are lost.
  const lost = over.map(({ lostExchanges }) => Number(lostExchanges))
  expect(Math.min(...lost)).toBeGreaterThanOrEqual(5)
  expect(sum(Object.values(totals?.exchangeFailures ?? {}))).toBe(sum(lost))
  const durations = over.map(({ durationMs }) => `${durationMs} ms`).join(', ')
  note(
    `down for at least ${Math.round(down.leastMs)} ms; the sessions' outages: ${durations}; lost exchanges: ${lost.join(', ')}`,
  )
}

// Side by side: they mostly wait.
describe('one outage for each session', () => {
  test.concurrent('when the server is killed and comes back', async () => {
    const listen = `greet://127.0.0.1:${await freePort()}`
    await using first = await startServer(listen)
    await using client = await startClient(listen, { env })
    await working(client)

    let second: RunningServer | undefined
    const killed = async () => {
      first.kill('SIGKILL')
      await first.exit()
    }
    const down = await downtime(
      killed,
      () => delay(DOWN_MS),
      async () => {
        second = await startServer(listen)
      },
    )
    await using _second = second

    // FIN if the server had read everything, otherwise RST.
    await expectOneOutageEach(client, listen, down, ['eof', 'reset'])
  })

  test.concurrent('when the server is paused and continues', async () => {
    await using server = await startServer('greet://127.0.0.1:0')
    const url = `greet://127.0.0.1:${server.port()}`
    await using client = await startClient(url, { env })
    await working(client)

    const lost = () => until('an outage of each', () => client.logged({ msg: 'outage began' }).length >= SESSIONS)
    const down = await downtime(
      () => server.kill('SIGSTOP'),
      () => Promise.all([delay(DOWN_MS), lost()]),
      () => server.kill('SIGCONT'),
    )

    await expectOneOutageEach(client, url, down, ['timeout'])
  })
})

describe('a server that is stopped', () => {
  test.concurrent.each([
    ['', 0],
    [', also while the client stands still', 2_500],
  ])('sends FIN, and no request is lost that it received before%s', async (_, stoppedMs) => {
    const listen = `greet://127.0.0.1:${await freePort()}`
    await using first = await startServer(listen)
    // Exchanges due without a server wait for the next one.
    await using client = await startClient(listen, { env: { ...env, NIHAO_INTERVAL: '1s', NIHAO_TIMEOUT: '1m' } })
    await working(client)

    if (stoppedMs > 0) client.kill('SIGSTOP')
    first.kill('SIGTERM')
    await delay(stoppedMs)
    client.kill('SIGCONT')
    expect((await first.exit()).code).toBe(0)
    await until('all to notice', () => client.logged({ msg: 'outage began' }).length >= SESSIONS)
    await using _second = await startServer(listen)
    const over = await outagesOver(client)
    for (const line of over) expect(line).toMatchObject({ reason: 'eof' })
    await working(client)
    const { [listen]: totals } = await client.stop()
    // A request is lost only if it crosses the FIN, because the client sends it before it runs long enough to read that.
    const unanswered = first.logged({ msg: 'connection closed' }).map(({ unansweredBytes = 0 }) => Number(unansweredBytes) / 7)
    const lost = sum(over.map(({ lostExchanges }) => Number(lostExchanges)))
    expect(lost).toBe(sum(unanswered))
    expect(totals).toMatchObject({ outages: { eof: SESSIONS }, exchangeFailures: lost === 0 ? {} : { eof: lost } })
    expect(totals?.connectionsClosed).toEqual({ server_closed: SESSIONS, finished: SESSIONS })
    expect(totals?.sentBytes).toBe(7 * (totals?.exchanges ?? 0))
    expect(totals?.receivedBytes).toBe(16 * ((totals?.exchanges ?? 0) - lost))
  })
})
