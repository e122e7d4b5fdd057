import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { type RunningClient, startClient } from './support/client.ts'
import { mebibytes, note } from './support/figures.ts'
import { freePort } from './support/scripted-server.ts'
import { startServer } from './support/server.ts'
import type { LogLine } from './support/service.ts'
import { until } from './support/until.ts'

const SESSIONS = 1_000
/** Lines of one kind within one second: ten about single sessions, and one that sums up the others. */
const LINES_PER_SECOND = 11

/** The number of sessions in the log, in single lines and in summaries. */
function told(client: RunningClient, one: string, many: string): { singles: number; sums: number; sessions: number } {
  const sums = client.logged({ msg: many })
  const singles = client.logged({ msg: one }).length
  return { singles, sums: sums.length, sessions: sums.reduce((sum, { sessions }) => sum + Number(sessions), singles) }
}

/** Expects that the lines of each kind are few for the time that they took. */
function expectFewLines(client: RunningClient): void {
  const kindOf = ({ msg, reason, side, evidence }: LogLine) =>
    [msg.replace('outages', 'outage'), reason, side, evidence].join(' ')
  for (const [kind, lines] of Map.groupBy(client.logged(), kindOf)) {
    const timesMs = lines.map(({ time }) => Date.parse(time))
    const seconds = Math.ceil((Math.max(...timesMs) - Math.min(...timesMs)) / 1_000) + 1
    expect([kind, lines.length > LINES_PER_SECOND * seconds]).toEqual([kind, false])
  }
}

/** CPU time of the process so far, s. */
function cpuSeconds(pid: number): number {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
  const [userTicks, systemTicks] = fields.split(' ').slice(11, 13).map(Number)
  return ((userTicks ?? 0) + (systemTicks ?? 0)) / 100
}

/** The bounds of a histogram in seconds, with the cumulative counts. */
async function buckets(client: RunningClient, name: string): Promise<[bound: number, count: number][]> {
  const series = [...(await client.scrape())].filter(([series]) => series.startsWith(`${name}_bucket`))
  return series.map(([series, count]) => [Number(/le="([^"]*)"/.exec(series)?.[1]), count])
}

test('a thousand sessions keep their schedule, and log the loss of their server in a few lines', async () => {
  const listen = `greet://127.0.0.1:${await freePort()}`
  await using first = await startServer(listen)
  await using client = await startClient(listen, {
    env: { NIHAO_CONNECTIONS: `${SESSIONS}`, NIHAO_INTERVAL: '1s', NIHAO_TIMEOUT: '30s', NIHAO_SUMMARY_INTERVAL: '0s' },
  })
  const answered = () => client.metric('tcp_client_round_trip_duration_seconds_count')
  await until('two exchanges of each session', async () => (await answered()) >= 2 * SESSIONS)

  const lag = () => buckets(client, 'tcp_client_schedule_lag_seconds')
  const [lagBefore, cpuBefore, startMs] = [await lag(), cpuSeconds(client.pid), performance.now()]
  await delay(3_000) // undisturbed: each scrape would cost some milliseconds
  const countBefore = lagBefore.at(-1)?.[1] ?? 0
  await until('three exchanges of most sessions', async () => ((await lag()).at(-1)?.[1] ?? 0) - countBefore > 2 * SESSIONS)
  const cpu = (cpuSeconds(client.pid) - cpuBefore) / ((performance.now() - startMs) / 1_000)
  const lags = (await lag()).map(([bound, count], index): [number, number] => [bound, count - (lagBefore[index]?.[1] ?? 0)])
  const total = lags.at(-1)?.[1] ?? 0
  const [p50, p99] = [0.5, 0.99].map(share => (lags.find(([, count]) => count >= share * total)?.[0] ?? Number.NaN) * 1_000)
  note(
    `${SESSIONS} sessions at 1/s: schedule lag p50 < ${p50} ms, p99 < ${p99} ms, ${mebibytes(client.memory().residentBytes)} resident, ` +
      `${(cpu * 100).toFixed(0)} % of a CPU`,
  )
  expect(await client.metric('tcp_client_exchange_failures_total')).toBe(0)

  first.kill('SIGKILL')
  await until('all to tell of it', () => told(client, 'outage began', 'outages began').sessions === SESSIONS)
  const began = told(client, 'outage began', 'outages began')
  expect(began.sums).toBeGreaterThan(0)

  await using _second = await startServer(listen)
  await until('all to have it back', () => told(client, 'outage over', 'outages over').sessions === SESSIONS)
  expect(client.logged({ msg: 'outages over' })[0]).toMatchObject({
    longestMs: expect.any(Number),
    lostExchanges: expect.any(Number),
  })
  note(`lines: ${JSON.stringify({ began, over: told(client, 'outage over', 'outages over') })}; all: ${client.lines.length}`)
  expectFewLines(client)
  await client.stop()
})
