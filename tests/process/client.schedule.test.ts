import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { startClient } from './support/client.ts'
import { note } from './support/figures.ts'
import { echo, freePort, ScriptedServer } from './support/scripted-server.ts'
import { until } from './support/until.ts'

const timeOf = ({ time }: { time: string }) => Date.parse(time)

describe('the schedule', () => {
  test('is not shifted by failures: as many exchanges as intervals', async () => {
    const intervalMs = 50
    const server = await ScriptedServer.listen(echo, { port: await freePort() })
    await using silent = await ScriptedServer.listen(socket => socket.resume())
    const urls = [server, silent].map(({ port }) => `echo://127.0.0.1:${port}`)
    await using client = await startClient(urls.join(' '), {
      env: { NIHAO_INTERVAL: `${intervalMs}ms`, NIHAO_TIMEOUT: '500ms' },
    })
    const { port } = server
    await until('good exchanges', async () => (await client.metric('tcp_client_exchanges_total', { target: urls[0] ?? '' })) >= 5)
    await server[Symbol.asyncDispose]()
    await until(
      'failures',
      async () => (await client.metric('tcp_client_exchange_failures_total', { target: urls[0] ?? '' })) >= 10,
    )
    await using _again = await ScriptedServer.listen(echo, { port })
    await client.log({ msg: 'outage over', target: urls[0] })
    silent.become(echo)
    await client.log({ msg: 'target is up', target: urls[1] })
    const totals = await client.stop()

    const began = timeOf(await client.log({ msg: 'admin listening' }))
    const elapsedMs = timeOf(await client.log({ msg: 'stopping' })) - began
    for (const url of urls) {
      // A client that was too slow itself logs the exchanges it skipped.
      const skipped = client
        .logged({ target: url, msg: 'exchanges skipped: the client is too slow' })
        .reduce((sum, { exchanges }) => sum + Number(exchanges), 0)
      const due = Math.floor(elapsedMs / intervalMs) + 1
      const { exchanges = 0, exchangeFailures = {} } = totals[url] ?? {}
      const failed = Object.values(exchangeFailures).reduce((sum, count) => sum + count, 0)
      note(
        `${due} exchanges were due in ${elapsedMs} ms, there were ${exchanges}, of which ${failed} failed; skipped: ${skipped}`,
      )
      expect(failed).toBeGreaterThan(5)
      expect(Math.abs(exchanges + skipped - due)).toBeLessThanOrEqual(1)
    }
  })

  test('measures each exchange from its intended start, including the wait for a connection', async () => {
    const port = await freePort()
    await using client = await startClient(`echo://127.0.0.1:${port}`, {
      env: { NIHAO_INTERVAL: '50ms', NIHAO_TIMEOUT: '30s' },
    })
    const began = timeOf(await client.log({ msg: 'admin listening' }))
    await client.log({ msg: 'target is not up yet', reason: 'refused' })
    await delay(Math.max(0, began + 1_000 - Date.now()))
    const waitedSeconds = (Date.now() - began) / 1_000
    await using _server = await ScriptedServer.listen(echo, { port })
    await client.log({ msg: 'target is up' })
    const series = await client.scrape()
    const [target] = Object.keys(await client.targets())
    const value = (name: string) => series.get(`tcp_client_${name}{target="${target}"}`) ?? Number.NaN
    // The first exchange waited the whole time, later ones less: half of it on average.
    const count = value('exchanges_total')
    const exchangeSeconds = value('exchange_duration_seconds_sum')
    const roundTripSeconds = value('round_trip_duration_seconds_sum')
    note(
      `after ${waitedSeconds} s without a server, ${count} exchanges: ${exchangeSeconds} s from the intended start, ${roundTripSeconds} s from the send`,
    )
    expect(count).toBeGreaterThanOrEqual(20)
    expect(exchangeSeconds).toBeGreaterThan((waitedSeconds / 2) * 20 * 0.9)
    expect(roundTripSeconds).toBeLessThan(exchangeSeconds / 5)
    expect(value('schedule_lag_seconds_sum')).toBeLessThan(exchangeSeconds / 5)
  })
})
