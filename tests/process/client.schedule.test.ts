import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { startClient } from './support/client.ts'
import { note } from './support/figures.ts'
import { echo, freePort, ScriptedServer } from './support/scripted-server.ts'
import { until } from './support/until.ts'

describe('the schedule', () => {
  test('is not shifted by failures: a failing target has as many exchanges as another one', async () => {
    const intervalMs = 50
    const timeoutMs = 2_000
    const server = await ScriptedServer.listen(echo, { port: await freePort() })
    await using silent = await ScriptedServer.listen(socket => socket.resume())
    await using healthy = await ScriptedServer.listen(echo)
    const urls = [server, silent, healthy].map(({ port }) => `echo://127.0.0.1:${port}`)
    const [url = '', silentUrl = '', healthyUrl = ''] = urls
    const startMs = performance.now()
    await using client = await startClient(urls.join(' '), {
      env: { NIHAO_INTERVAL: `${intervalMs}ms`, NIHAO_TIMEOUT: `${timeoutMs}ms` },
    })
    const { port } = server
    await until('good exchanges', async () => (await client.metric('tcp_client_exchanges_total', { target: url })) >= 5)
    await server[Symbol.asyncDispose]()
    await until('failures', async () => (await client.metric('tcp_client_exchange_failures_total', { target: url })) >= 10)
    await using _again = await ScriptedServer.listen(echo, { port })
    await client.log({ msg: 'outage over', target: url })
    silent.become(echo)
    await client.log({ msg: 'target is up', target: silentUrl })
    const totals = await client.stop()
    const mostDue = (performance.now() - startMs) / intervalMs + 1

    const [started = Number.NaN, silentStarted = Number.NaN, reference = Number.NaN] = urls.map(target => {
      // A client that was too slow itself logs the exchanges it skipped.
      const skipped = client
        .logged({ target, msg: 'exchanges skipped: the client is too slow' })
        .reduce((sum, { exchanges }) => sum + Number(exchanges), 0)
      const { exchanges = 0, exchangeFailures = {} } = totals[target] ?? {}
      const failed = Object.values(exchangeFailures).reduce((sum, count) => sum + count, 0)
      note(`${exchanges} exchanges, of which ${failed} failed; skipped: ${skipped}`)
      if (target !== healthyUrl) expect(failed).toBeGreaterThan(5)
      return exchanges + skipped
    })
    // One that failures shift is behind by at least a timeout. The targets start one after the other, maybe with a pause in between.
    const tolerated = timeoutMs / 2 / intervalMs
    expect(Math.abs(started - reference)).toBeLessThan(tolerated)
    expect(Math.abs(silentStarted - reference)).toBeLessThan(tolerated)
    expect(reference).toBeLessThanOrEqual(mostDue)
  })

  test('measures each exchange from its intended start, including the wait for a connection', async () => {
    const port = await freePort()
    await using client = await startClient(`echo://127.0.0.1:${port}`, {
      env: { NIHAO_INTERVAL: '50ms', NIHAO_TIMEOUT: '30s' },
    })
    await client.log({ msg: 'target is not up yet', reason: 'refused' })
    // The schedule has started. The first exchange waits at least this long, the next 50 ms less, and so on.
    const waitMs = 3_000
    await delay(waitMs)
    await using _server = await ScriptedServer.listen(echo, { port })
    await client.log({ msg: 'target is up' })
    const waited = waitMs / 50
    const waitSeconds = ((waitMs / 1_000) * waited) / 2
    await until('their replies', async () => (await client.metric('tcp_client_exchanges_total')) >= waited)
    const series = await client.scrape()
    const [target] = Object.keys(await client.targets())
    const value = (name: string) => series.get(`tcp_client_${name}{target="${target}"}`) ?? Number.NaN
    const exchangeSeconds = value('exchange_duration_seconds_sum')
    const roundTripSeconds = value('round_trip_duration_seconds_sum')
    note(
      `after ${waitMs} ms without a server, ${value('exchanges_total')} exchanges: ${exchangeSeconds} s from the intended start, ` +
        `${roundTripSeconds} s from the send; lag ${value('schedule_lag_seconds_sum')} s`,
    )
    expect(exchangeSeconds - roundTripSeconds).toBeGreaterThan(waitSeconds * 0.9)
    // The wait is not lag.
    expect(value('schedule_lag_seconds_sum')).toBeLessThan(waitSeconds * 0.9)
  })
})
