import { expect, test } from '@jest/globals'
import { type RunningClient, startClient } from './support/client.ts'
import { type RunningServer, startServer } from './support/server.ts'
import { until } from './support/until.ts'

const EXCHANGES = 100

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

/** Stops the server until this many exchanges are outstanding, each for more than 204.8 ms and the error of the server's own measurement. */
async function stop(server: RunningServer, client: RunningClient): Promise<void> {
  server.kill('SIGSTOP')
  await until('outstanding exchanges', async () =>
    (await client.connections()).some(({ outstanding }) => outstanding >= EXCHANGES),
  )
  const seenMs = performance.now()
  await until('them to be late', () => performance.now() - seenMs > 500)
  server.kill('SIGCONT')
}

test('a server that stands still shows in its own time, and not as delay of the network', async () => {
  await using server = await startServer('probe://127.0.0.1:0')
  await using client = await startClient(`probe://127.0.0.1:${server.port()}`, { env: { NIHAO_INTERVAL: '20ms' } })
  await until('exchanges', async () => (await client.metric('tcp_client_server_time_seconds_count')) >= 50)
  // On a busy machine, the client itself may stand still when the replies arrive, which is a delay, but not each time.
  await until('late replies that the network did not delay', async () => {
    const before = await slow(client)
    await stop(server, client)
    const after = await until('the late replies, with the time of the server', async () => {
      const after = await slow(client)
      return Math.min(after.roundTrips - before.roundTrips, after.serverTimes - before.serverTimes) >= EXCHANGES && after
    })
    const stoppedServer = after.serverTimes - before.serverTimes
    const network = Math.max(after.toServer - before.toServer, after.fromServer - before.fromServer)
    return network < stoppedServer / 2
  })
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
