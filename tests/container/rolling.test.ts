import { afterEach, expect, test } from '@jest/globals'
import { until } from '../process/support/until.ts'
import { describeWithDocker } from './docker.ts'
import { type Service, Stage } from './support/service.ts'

type Reasons = Record<string, number>
type Books = Record<string, number> &
  Record<'connectionFailures' | 'connectionsClosed' | 'exchangeFailures' | 'outages' | 'reconnects', Reasons>

/** More than a HELLO takes. */
const HELLO_BYTES = 1_024

const total = (counts: Reasons) => Object.values(counts).reduce((sum, count) => sum + count, 0)

describeWithDocker('two servers behind one name, replaced one after the other at 100 exchanges per second', () => {
  const stage = new Stage()
  afterEach(() => stage.remove())

  /** Replaces both servers under the client's sessions; gives the last counters of the client and what all servers received and sent. */
  async function replaceBoth(target: string, listener: string, sessions: string) {
    const settings = { NIHAO_DRAIN_DELAY: '1s' }
    const servers = [await stage.server(settings), await stage.server(settings)]
    const client = await stage.client(`${target}?${sessions}&timeout=10s`)
    const good = () => client.metric('tcp_client_round_trip_duration_seconds_count')
    const moreExchanges = async () => {
      const before = await good()
      await until('more exchanges', async () => (await good()) > before + 100)
    }
    await moreExchanges()
    for (const old of [...servers]) {
      servers.push(await stage.server(settings))
      expect(await old.stop()).toBe(0)
      await moreExchanges()
    }
    expect(await client.stop()).toBe(0)
    const counters = (await client.line('stopped'))[target] as Books
    for (const server of servers.slice(2)) expect(await server.stop()).toBe(0)
    const totals = await Promise.all(servers.map(server => lastBooks(server, listener)))
    const sum = (name: string) => totals.reduce((total, server) => total + (server[name] ?? 0), 0)
    return {
      client,
      counters,
      messages: sum('messages'),
      receivedBytes: sum('receivedBytes'),
      sentBytes: sum('sentBytes'),
    }
  }

  const lastBooks = async (server: Service, listener: string) =>
    (await server.line('stopped'))[listener] as Record<string, number>

  test('probe: no exchange fails, every session hands over, and all counters are equal', async () => {
    const { client, counters, messages, receivedBytes, sentBytes } = await replaceBoth(
      'probe://server:7000',
      'probe:7000',
      'connections=20&interval=200ms',
    )
    expect(counters.exchangeFailures).toEqual({})
    expect(counters.outages).toEqual({})
    expect(counters.exchanges).toBe(messages)
    expect(counters.sentBytes).toBe(receivedBytes)
    // The client makes another attempt where one takes long, and abandons the one that it does not need, whose HELLO may be unread.
    const { finished = 0, goaway = 0 } = counters.connectionsClosed
    const abandoned = (counters.connectionAttempts ?? 0) - total(counters.connectionFailures) - finished - goaway
    expect(counters.receivedBytes).toBeLessThanOrEqual(sentBytes)
    expect(counters.receivedBytes).toBeGreaterThanOrEqual(sentBytes - abandoned * HELLO_BYTES)
    // Each of the 20 sessions was on one of the two that went, at least once.
    expect(counters.handovers).toBeGreaterThanOrEqual(20)
    expect(client.lines('outage began')).toEqual([])
    expect([counters.countersCompared, counters.countersDiffered]).toEqual([finished + goaway, 0])
    expect(finished + goaway).toBeGreaterThanOrEqual((counters.handovers ?? 0) + 20)
  })

  test('greet: lost exchanges are reported exactly', async () => {
    // Idle sessions have two seconds to notice the FIN behind a reply, and to find another server.
    const { counters, messages, receivedBytes, sentBytes } = await replaceBoth(
      'greet://server:1234',
      'greet:1234',
      'connections=200&interval=2s',
    )
    const lost = total(counters.exchangeFailures)
    // Whatever a server received in time was answered, and the reply arrived; the rest is what the client counts as lost.
    expect((counters.exchanges ?? 0) - lost).toBe(messages)
    expect(counters.receivedBytes).toBe(sentBytes)
    const crossedFin = receivedBytes / Buffer.byteLength('张三\n') - messages
    expect(crossedFin).toBeGreaterThanOrEqual(0)
    expect(crossedFin).toBeLessThanOrEqual(lost)
    // A FIN loses nothing: a session that finds another server before its next exchange is due has no outage.
    for (const reason of Object.keys(counters.outages)) expect(['eof', 'refused']).toContain(reason)
    expect(Object.keys(counters.reconnects)).toContain('eof')
  })
})
