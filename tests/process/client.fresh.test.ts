import { describe, expect, test } from '@jest/globals'
import { startClient } from './support/client.ts'
import { echo, freePort, ScriptedServer } from './support/scripted-server.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'

const env = { NIHAO_INTERVAL: '50ms', NIHAO_TIMEOUT: '10s' }

describe('fresh connections', () => {
  test('are opened for each exchange, and the server counts each of them', async () => {
    await using server = await startServer('greet://127.0.0.1:0')
    const url = `greet://127.0.0.1:${server.port()}`
    await using client = await startClient(`${url}?connections=0&fresh=true`, { env })
    await until('ten exchanges', async () => (await client.metric('tcp_client_exchanges_total')) >= 10)
    const series = await client.scrape()
    const value = (name: string) => series.get(`tcp_client_${name}{target="${url}"}`)
    expect(value('connection_attempts_total')).toBe(value('schedule_lag_seconds_count'))
    const { [url]: totals } = await client.stop()
    const { exchanges = 0, connectionAttempts = 0 } = totals ?? {}
    expect(totals).toMatchObject({
      connectionsClosed: { finished: exchanges },
      exchangeFailures: {},
      outages: {},
      sentBytes: 7 * exchanges,
      receivedBytes: 16 * exchanges,
    })
    // The client abandons attempts that are under way when it stops; the server may have accepted their connections.
    const closed = () => server.metric('tcp_server_connections_closed_total', { reason: 'client_closed' })
    const opened = () => server.metric('tcp_server_connections_opened_total')
    await until('the server to count all', async () => (await opened()) >= exchanges && (await closed()) === (await opened()))
    expect(await opened()).toBeLessThanOrEqual(connectionAttempts)
    expect(await server.metric('tcp_server_messages_total')).toBe(exchanges)
  })

  test('run in addition to sessions, with their own outages', async () => {
    await using server = await ScriptedServer.listen(echo)
    const url = `echo://127.0.0.1:${server.port}`
    await using client = await startClient(`${url}?connections=1&fresh=true`, { env })
    const finished = () => client.metric('tcp_client_connections_closed_total', { reason: 'finished' })
    await until('some exchanges on fresh connections', async () => (await finished()) >= 5)
    // The session continues; new connections are rejected.
    server.script = socket => socket.resume().end()
    const began = await client.log({ msg: 'outage began' })
    expect(began).toMatchObject({ reason: 'eof', server: `127.0.0.1:${server.port}` })
    const eofs = () => client.metric('tcp_client_exchange_failures_total', { reason: 'eof' })
    await until('some lost exchanges', async () => (await eofs()) >= 5)
    server.script = echo
    const { lostExchanges } = await client.log({ msg: 'outage over' })
    expect(lostExchanges).toBe(await eofs())
    const { [url]: totals } = await client.stop()
    expect(totals).toMatchObject({ outages: { eof: 1 }, connectionsClosed: { server_closed: lostExchanges } })
    expect(client.logged({ msg: 'outage began' })).toHaveLength(1)
  })

  test('are reported as late, refused or wrong like any other', async () => {
    await using server = await ScriptedServer.listen(echo, { port: await freePort() })
    const url = `echo://127.0.0.1:${server.port}`
    await using client = await startClient(`${url}?connections=0&fresh=true&timeout=5s`, { env })
    await client.log({ msg: 'first reply' })
    server.script = socket => socket.resume()
    expect(await client.log({ msg: 'outage began' })).toMatchObject({ reason: 'timeout' })
    server.script = socket => socket.write('wrong')
    await until('a mismatch', async () => (await client.metric('tcp_client_exchange_failures_total', { reason: 'mismatch' })) > 0)
    const { port } = server
    await server[Symbol.asyncDispose]()
    await until('a refusal', async () => (await client.metric('tcp_client_exchange_failures_total', { reason: 'refused' })) > 0)
    await using _again = await ScriptedServer.listen(echo, { port })
    const over = await client.log({ msg: 'outage over' })
    const { [url]: totals } = await client.stop()
    // Without frames, nothing shows whose silence it was.
    expect(over).toMatchObject({ reason: 'timeout', side: 'unknown', evidence: 'none' })
    expect(totals?.outages).toEqual({ timeout: 1 })
    expect(Object.values(totals?.exchangeFailures ?? {}).reduce((sum, count) => sum + count, 0)).toBe(over.lostExchanges)
  })
})
