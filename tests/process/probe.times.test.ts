import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { type RunningClient, startClient } from './support/client.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'

const STOPPED_MS = 2_500

/** Values above 204.8 ms. */
async function slow(client: RunningClient) {
  const series = [...(await client.scrape())]
  const count = (...parts: string[]) => {
    const [, value = Number.NaN] = series.find(([name]) => parts.every(part => name.includes(part))) ?? []
    return value
  }
  const above = (name: string, label = '') =>
    count(`tcp_client_${name}_seconds_count`, label) - count(`tcp_client_${name}_seconds_bucket`, label, 'le="0.2048"')
  return {
    roundTrips: above('round_trip_duration'),
    serverTimes: above('server_time'),
    toServer: above('one_way_excess', '"to_server"'),
    fromServer: above('one_way_excess', '"from_server"'),
  }
}

test('a server that stands still shows in its own time, and not as delay of the network', async () => {
  await using server = await startServer('probe://127.0.0.1:0')
  await using client = await startClient(`probe://127.0.0.1:${server.port()}`, { env: { NIHAO_INTERVAL: '20ms' } })
  await until('exchanges', async () => (await client.metric('tcp_client_server_time_seconds_count')) >= 50)
  const before = await slow(client)
  server.kill('SIGSTOP')
  await delay(STOPPED_MS)
  server.kill('SIGCONT')
  const after = await until('the late replies', async () => {
    const after = await slow(client)
    return after.roundTrips - before.roundTrips >= 100 && after
  })
  const stoppedServer = after.serverTimes - before.serverTimes
  expect(stoppedServer).toBeGreaterThanOrEqual(100)
  // A busy machine delays some exchanges elsewhere.
  expect(after.toServer - before.toServer).toBeLessThan(stoppedServer / 2)
  expect(after.fromServer - before.fromServer).toBeLessThan(stoppedServer / 2)
})

test('other protocols have no such series', async () => {
  await using server = await startServer('echo://127.0.0.1:0 probe://127.0.0.1:0')
  const urls = [`echo://127.0.0.1:${server.port(0)}`, `probe://127.0.0.1:${server.port(1)}`]
  await using client = await startClient(urls.join(' '), { env: { NIHAO_INTERVAL: '20ms' } })
  await until('exchanges', async () => (await client.metric('tcp_client_server_time_seconds_count')) >= 2)
  const series = [...(await client.scrape()).keys()]
  const targets = series.flatMap(name => /^tcp_client_one_way_excess_seconds_count\{target="([^"]*)"/.exec(name)?.[1] ?? [])
  expect(targets).toEqual([urls[1], urls[1]])
})
