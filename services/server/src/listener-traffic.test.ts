import { expect, test } from '@jest/globals'
import { unservedReport } from './connection/report.ts'
import { ListenerCounters } from './counters.ts'
import { type Traffic, trafficOf } from './listener-traffic.ts'

const connection = (receivedBytes: number): Traffic => ({ receivedBytes, sentBytes: 2 * receivedBytes, bufferedBytes: 1 })

test('open and ended connections count once each, also those that end while the others are summed up', async () => {
  const counters = new ListenerCounters()
  const end = (receivedBytes: number) =>
    counters.addClosed(
      unservedReport({ ...connection(receivedBytes), listener: '', peer: {} as never, reason: 'reset', durationMs: 0 }),
    )
  end(5)
  const connections = Array.from({ length: 2_500 }, () => connection(10))
  const counted = trafficOf({ connections, counters })
  const last = connections.pop()
  end(last?.receivedBytes ?? 0)
  expect(await counted).toEqual({ receivedBytes: 25_005, sentBytes: 50_010, bufferedBytes: 2_500 })
  expect(await trafficOf({ connections, counters })).toEqual({ receivedBytes: 25_005, sentBytes: 50_010, bufferedBytes: 2_499 })
})
