import { describe, expect, test } from '@jest/globals'
import { startClient } from './support/client.ts'
import { reportLoad } from './support/load.ts'
import { frame, hello, probe } from './support/probe-server.ts'
import { ScriptedServer } from './support/scripted-server.ts'
import { until } from './support/until.ts'

const helloAndGoAway = Buffer.concat([hello, frame('goAway', { reason: 'drain', graceMs: 5_000 })])

describe('GOAWAY in the same read as HELLO', () => {
  test('is a handover for a session, not an outage', async () => {
    await using server = await ScriptedServer.listen((...connection) => {
      const script = server.accepted === 1 ? probe(helloAndGoAway) : probe()
      script(...connection)
    })
    const url = `probe://127.0.0.1:${server.port}`
    await using client = await startClient(url, { env: { NIHAO_INTERVAL: '50ms', NIHAO_TIMEOUT: '30s' } })
    expect(await client.log({ msg: 'handover' })).toMatchObject({ level: 'info', reason: 'drain', target: url })
    await until('exchanges', async () => (await client.metric('tcp_client_exchanges_total')) >= 5)
    await client.untilMetric('tcp_client_comparisons_total', 1, { result: 'equal' })
    await client.untilMetric('tcp_client_comparisons_total', 0, { result: 'different' })
    const { [url]: totals } = await client.stop()
    expect(totals).toMatchObject({
      outages: {},
      exchangeFailures: {},
      handovers: 1,
      connectionsClosed: { goaway: 1, finished: 1 },
    })
  })

  test('is a connection for a load', async () => {
    await using server = await ScriptedServer.listen((...connection) => {
      const script = server.accepted === 1 ? probe(helloAndGoAway) : probe()
      script(...connection)
    })
    const { code, target } = await reportLoad('--count', '100', '--timeout', '30s', `probe://127.0.0.1:${server.port}`)
    expect(target).toMatchObject({ notConnected: null, answered: 100, failed: 0 })
    expect(code).toBe(0)
  })
})

describe('the counters of both ends', () => {
  test.each([
    ['equal', 0, 0, { equal: 1, different: 0 }],
    ['different', 1, 5, { equal: 0, different: 1 }],
  ])('that are %s decide the exit code of a load', async (_, inventedPings, exitCode, comparisons) => {
    await using server = await ScriptedServer.listen(probe(hello, inventedPings))
    const { code, target } = await reportLoad('--count', '10', '--timeout', '30s', `probe://127.0.0.1:${server.port}`)
    expect(target.connections).toMatchObject({ comparisons })
    expect([code, target.answered]).toEqual([exitCode, 10])
  })
})
