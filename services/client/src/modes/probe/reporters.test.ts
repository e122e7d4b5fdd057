import { expect, test } from '@jest/globals'
import type { Distribution } from '../../report/distribution.ts'
import type { Report } from './report.ts'
import { reporters } from './reporters.ts'

const latencyMs: Distribution = {
  count: 98,
  min: 0.1,
  mean: 0.2,
  percentiles: { p50: 0.2, p75: 0.3, p90: 0.4, p99: 1.5, 'p99.9': 2, 'p99.99': 2 },
  max: 2,
}

const report: Report = {
  version: 1,
  program: 'nihao-client',
  release: '0.1.0',
  startedAt: '2026-01-02T03:04:05.678Z',
  durationMs: 10_000,
  interrupted: null,
  exitCode: 1,
  thresholds: [{ name: 'maxOutage', target: 'probe://a:7000', limit: 500, actual: 1_203, met: false }],
  targets: [
    {
      target: 'probe://a:7000',
      connected: true,
      exchanges: 100,
      lost: 2,
      failures: { timeout: 2 },
      latencyMs,
      handovers: 0,
      serversSeen: 2,
      outages: {
        count: 3,
        longestMs: 1_203,
        listed: [
          {
            startedAt: '2026-01-02T03:04:06.000Z',
            reason: 'timeout',
            side: 'path',
            evidence: 'unacknowledged',
            durationMs: 1_203,
            atMostMs: 1_500,
            lostExchanges: 2,
            left: 'server-1 at 10.0.0.1:7000',
            found: 'server-2 at 10.0.0.2:7000',
            over: true,
          },
          {
            startedAt: '2026-01-02T03:04:15.000Z',
            reason: 'refused',
            side: 'unknown',
            evidence: 'none',
            durationMs: 678,
            atMostMs: 700,
            lostExchanges: 0,
            left: undefined,
            found: undefined,
            over: false,
          },
        ],
      },
    },
  ],
}

const OUTAGES = [
  '2026-01-02T03:04:06.000Z 1.2 s (at most 1.5 s), timeout, side path (unacknowledged), lost 2, server-1 at 10.0.0.1:7000 -> server-2 at 10.0.0.2:7000',
  '2026-01-02T03:04:15.000Z at least 678 ms, not over, refused, side unknown (none), lost 0',
]

test('text lists every outage with side, evidence and servers', () => {
  expect(reporters.text(report)).toBe(`probe://a:7000  10 s
  exchanges  100
  lost       2  timeout 2
  outages    3  longest 1.2 s
    ${OUTAGES[0]}
    ${OUTAGES[1]}
    and 1 more
  ms         min   mean    p50    p75    p90    p99  p99.9  p99.99    max
  latency  0.100  0.200  0.200  0.300  0.400  1.500  2.000   2.000  2.000

missed  maxOutage 500 ms: 1203 ms  probe://a:7000
`)
})

test.each(['junit', 'tap'] as const)('%s has them too', format => {
  const text = reporters[format](report).replaceAll('&gt;', '>')
  for (const outage of OUTAGES) expect(text).toContain(outage)
  expect(text).toContain('1203 is more than 500')
})
