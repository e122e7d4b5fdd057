import { describe, expect, test } from '@jest/globals'
import { startClient } from './support/client.ts'
import { echo, ScriptedServer } from './support/scripted-server.ts'
import { startServer } from './support/server.ts'
import { Service } from './support/service.ts'
import { until } from './support/until.ts'

const env = { NIHAO_INTERVAL: '100ms', NIHAO_TIMEOUT: '10s' }

describe('readiness', () => {
  test('begins when every target has been tried, successfully or not, and ends at the first signal', async () => {
    await using good = await ScriptedServer.listen(echo)
    await using silent = await ScriptedServer.listen(socket => socket.resume())
    const [goodUrl, silentUrl] = [`echo://127.0.0.1:${good.port}`, `echo://127.0.0.1:${silent.port}`]
    await using client = await startClient(`${goodUrl} ${silentUrl}`, { env: { ...env, NIHAO_TIMEOUT: '30s' } })
    const healthcheck = async () => {
      await using check = new Service('services/client/src/healthcheck.ts', {
        env: { NIHAO_ADMIN_PORT: String(client.adminPort) },
      })
      return (await check.exit()).code
    }

    await until('the good target to be tried', async () => (await client.targets())[goodUrl]?.state === 'good')
    expect((await client.targets())[silentUrl]).toMatchObject({ state: 'untried', exchanges: 0, lastSuccess: null })
    expect(await client.page('/readyz')).toEqual({ status: 503, text: `not ready: not yet tried: ${silentUrl}\n` })
    expect((await client.page('/targets')).status).toBe(503)
    expect(await healthcheck()).toBe(1)

    silent.become(socket => socket.resume().end())
    // The first connection may end with a reset, because of what the server has not read.
    await until('an end without a reply', async () => (await client.targets())[silentUrl]?.reason === 'eof')
    expect((await client.targets())[silentUrl]).toMatchObject({ state: 'failing', good: false })
    expect((await client.page('/readyz')).status).toBe(200)
    expect((await client.page('/targets')).status).toBe(503)
    expect((await client.page('/livez')).status).toBe(200)
    await until('the health check to succeed', async () => (await healthcheck()) === 0)

    silent.become(echo)
    await until('all targets to be good', async () => (await client.page('/targets')).status === 200)
    const { [silentUrl]: now } = await client.targets()
    expect(now).toMatchObject({ state: 'good', good: true, connections: 1, outages: {} })
    expect(Date.now() - Date.parse(now?.lastSuccess ?? '')).toBeLessThan(30_000)

    // The client waits for an outstanding reply before it exits.
    good.become(socket => socket.resume())
    await until('an exchange to be under way that is not answered', async () =>
      (await client.connections()).some(
        ({ target, answered, outstanding }) => target === goodUrl && answered === 0 && outstanding > 0,
      ),
    )
    client.kill('SIGTERM')
    await client.log({ msg: 'stopping' })
    expect(await client.page('/readyz')).toEqual({ status: 503, text: 'not ready: stopping\n' })
    good.become(echo)
    expect((await client.exit()).code).toBe(0)
  })
})

describe('/connections', () => {
  test('shows open connections with their byte counts', async () => {
    await using server = await startServer('greet://127.0.0.1:0')
    const url = `greet://127.0.0.1:${server.port()}`
    await using client = await startClient(`${url}?connections=3`, { env })
    const replies = (least: number) =>
      until(`${least} replies on each`, async () => {
        const open = await client.connections()
        return open.length === 3 && open.every(({ answered }) => answered >= least)
      })
    await replies(1)
    const openSince = performance.now()
    await replies(3)
    const leastAgeMs = Math.floor(performance.now() - openSince)
    const connections = await client.connections()
    for (const { target, remoteAddress, sentBytes, receivedBytes, answered, outstanding, ageMs } of connections) {
      expect({ target, remoteAddress }).toEqual({ target: url, remoteAddress: `127.0.0.1:${server.port()}` })
      expect([sentBytes, receivedBytes]).toEqual([7 * (answered + outstanding), 16 * answered])
      expect(ageMs).toBeGreaterThanOrEqual(leastAgeMs)
    }
    const opened = connections.map(({ localAddress }) => localAddress).sort()
    await until(`the server to have exactly ${opened}`, async () => {
      const seen = (await server.connections()).connections.map(({ remotePort }) => `127.0.0.1:${remotePort}`)
      return seen.sort().join() === opened.join()
    })
  })
})

describe('/metrics', () => {
  test('have all known series from the start, at 0', async () => {
    await using server = await ScriptedServer.listen(socket => socket.resume())
    const url = `echo://127.0.0.1:${server.port}`
    await using client = await startClient(`${url}?timeout=1m`, { env })
    const series = await client.scrape()
    const target = `target="${url}"`
    const reasons = 'dns refused unreachable timeout reset eof mismatch no_ports no_files other'.split(' ')
    const names = [
      ...['connection_failures', 'exchange_failures', 'outages'].flatMap(name =>
        reasons.map(reason => `tcp_client_${name}_total{${target},reason="${reason}"}`),
      ),
      ...['finished', 'server_closed', 'reset', 'timeout', 'mismatch', 'local'].map(
        reason => `tcp_client_connections_closed_total{${target},reason="${reason}"}`,
      ),
      ...['exchange_duration', 'round_trip_duration'].map(name => `tcp_client_${name}_seconds_count{${target}}`),
      ...['client', 'name_service', 'path', 'server', 'unknown'].map(
        side => `tcp_client_outage_duration_seconds_count{${target},side="${side}"}`,
      ),
      ...reasons.map(reason => `tcp_client_reconnects_total{${target},reason="${reason}"}`),
      `tcp_client_target_down{${target}}`,
      `tcp_client_target_down_seconds_total{${target}}`,
      `tcp_client_suspect_exchanges_total{${target}}`,
      `tcp_client_exchanges_total{${target}}`,
      `tcp_client_received_bytes_total{${target}}`,
      `tcp_client_last_success_timestamp_seconds{${target}}`,
      `tcp_client_connect_duration_seconds_count{${target},phase="dns"}`,
    ]
    for (const name of names) expect([name, series.get(name)]).toEqual([name, 0])
    for (const name of [
      `tcp_client_connection_attempts_total{${target}}`,
      `tcp_client_connections_active{${target}}`,
      `tcp_client_sent_bytes_total{${target}}`,
      `tcp_client_schedule_lag_seconds_count{${target}}`,
      `tcp_client_connect_duration_seconds_count{${target},phase="tcp"}`,
    ]) {
      expect([name, series.has(name)]).toEqual([name, true])
    }
    expect(
      [...series.keys()].filter(name => /^nihao_build_info\{service="nihao-client",version="[\d.]+"/.test(name)),
    ).toHaveLength(1)
  })

  test('have buckets from 50 µs to 26 s, with bounds around the times at which the kernel retransmits a SYN', async () => {
    await using server = await ScriptedServer.listen(echo)
    await using client = await startClient(`echo://127.0.0.1:${server.port}`, { env })
    const series = [...(await client.scrape()).keys()]
    const edges = (name: string, ...labels: string[]) =>
      series
        .filter(text => text.startsWith(`tcp_client_${name}_seconds_bucket`) && labels.every(label => text.includes(label)))
        .map(text => Number(/le="([\d.]+)"/.exec(text)?.[1]))
        .filter(Number.isFinite)
    const latency = Array.from({ length: 20 }, (_, power) => 50e-6 * 2 ** power)
    for (const name of ['exchange_duration', 'round_trip_duration', 'schedule_lag']) expect(edges(name)).toEqual(latency)
    const connect = edges('connect_duration', 'phase="tcp"')
    expect(connect).toEqual(expect.arrayContaining([...latency, 0.95, 1.05, 1.95, 2.05, 2.95, 3.05, 3.95, 4.05, 6.95, 7.05]))
    expect(connect).toEqual(connect.toSorted((a, b) => a - b))
  })

  test('match the actual exchanges', async () => {
    await using server = await startServer('echo://127.0.0.1:0')
    const url = `echo://localhost:${server.port()}`
    await using client = await startClient(`${url}?message=12345`, { env })
    let series = new Map<string, number>()
    const value = (name: string, labels = '') => series.get(`tcp_client_${name}{target="${url}"${labels}}`) ?? Number.NaN
    // On a busy machine, a second attempt to connect may begin before the first succeeds; one of them is then closed.
    await until('five exchanges on one connection', async () => {
      series = await client.scrape()
      return value('exchanges_total') >= 5 && value('connections_active') === 1
    })
    const exchanges = value('exchanges_total')
    expect(value('exchange_duration_seconds_count')).toBe(exchanges)
    expect(value('round_trip_duration_seconds_count') + value('suspect_exchanges_total')).toBe(exchanges)
    expect(value('received_bytes_total')).toBe(6 * exchanges)
    const outstandingBytes = value('sent_bytes_total') - 6 * exchanges
    expect([outstandingBytes >= 0, outstandingBytes % 6]).toEqual([true, 0])
    expect(value('exchange_duration_seconds_sum')).toBeGreaterThan(value('round_trip_duration_seconds_sum'))
    for (const phase of ['dns', 'tcp']) {
      const count = value('connect_duration_seconds_count', `,phase="${phase}"`)
      expect(count).toBeGreaterThanOrEqual(1)
      expect(count).toBeLessThanOrEqual(value('connection_attempts_total'))
    }
    const lastSuccessMs = value('last_success_timestamp_seconds') * 1_000
    expect(Math.abs(Date.now() - lastSuccessMs)).toBeLessThan(30_000)
  })
})
