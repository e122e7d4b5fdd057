import { describe, expect, test } from '@jest/globals'
import type { Target } from '../../target.ts'
import { Ladder } from './ladder.ts'
import { exitCode, formatDuration, jsonReport, textReport } from './report.ts'
import type { RungResult } from './rung.ts'

const target = { label: 'echo://server:7007', values: { timeout: 1_000 } } as unknown as Target
const SILENCES_MS = [10_000, 30_000, 60_000]

const survived = (silentMs: number): RungResult => ({ outcome: 'survived', silentMs })
const died = (silentMs: number, reason: 'eof' | 'reset' | 'timeout', noticed: 'silence' | 'exchange'): RungResult => ({
  outcome: 'died',
  silentMs,
  noticed,
  failure: { reason },
})
const refused: RungResult = { outcome: 'unusable', failure: { reason: 'refused', error: new Error('connect ECONNREFUSED') } }
const mismatch: RungResult = { outcome: 'unusable', failure: { reason: 'mismatch' } }

function ladder(results: RungResult[], keepAliveMs = 0): Ladder {
  const ladder = new Ladder(target, SILENCES_MS, keepAliveMs)
  for (const [index, rung] of ladder.rungs.entries()) rung.result = results[index]
  return ladder
}

describe('the text', () => {
  test.each([
    [
      'of a path that closes',
      [survived(10_001), died(20_004, 'eof', 'silence'), died(20_002, 'reset', 'silence')],
      `echo://server:7007 without keep-alive
  10s  survived
  30s  died      FIN  noticed during the silence, after 20s
  1m   died      RST  noticed during the silence, after 20s
  => longest survivor 10s, first death after 20s by RST
`,
    ],
    [
      'of a path that forgets',
      [survived(10_001), died(30_001, 'timeout', 'exchange'), died(40_000, 'timeout', 'silence')],
      `echo://server:7007 without keep-alive
  10s  survived
  30s  died      silence  noticed only at the exchange after it: no reply within 1s
  1m   died      silence  noticed during the silence, after 40s, by unanswered keep-alive probes
  => longest survivor 10s, first death within 30s by silence
`,
    ],
    [
      'of one that was interrupted',
      [survived(10_001), { outcome: 'unfinished', silentMs: 12_340 }, { outcome: 'unfinished', silentMs: 12_340 }],
      `echo://server:7007 without keep-alive
  10s  survived
  30s  unfinished    alive after 12.34s
  1m   unfinished    alive after 12.34s
  => longest survivor 10s, no death
`,
    ],
    [
      'of deaths that are no idle timeout',
      [survived(10_001), died(3_000, 'reset', 'silence'), survived(60_001)],
      `echo://server:7007 without keep-alive
  10s  survived
  30s  died      RST  noticed during the silence, after 3s
  1m   survived
  => longest survivor 1m, first death after 3s by RST (another connection survived a longer silence: not an idle timeout, or not for every connection)
`,
    ],
    [
      'of a target that can not be reached',
      [refused, refused, refused],
      `echo://server:7007 without keep-alive
  => no usable connection: refused, connect ECONNREFUSED
`,
    ],
  ] as [string, RungResult[], string][])('%s', (_, fates, text) => {
    expect(textReport([ladder(fates)])).toBe(text)
  })

  test('reports a GOAWAY of the server', () => {
    const asked = ladder([survived(10_001), died(20_000, 'eof', 'silence'), survived(60_001)])
    for (const rung of asked.rungs.slice(1)) rung.goAwayReason = 'max_age'
    expect(textReport([asked]).split('\n').slice(1, 4)).toEqual([
      '  10s  survived',
      '  30s  died      FIN  noticed during the silence, after 20s; the server had sent GOAWAY (max_age)',
      '  1m   survived       the server had sent GOAWAY (max_age)',
    ])
  })

  test('shows the keep-alive of a ladder', () => {
    expect(textReport([ladder([], 15_000)])).toMatch(/^echo:\/\/server:7007 with keep-alive after 15s\n/)
  })
})

test('the JSON has the reasons of metrics and the terms of TCP', () => {
  const { ladders } = JSON.parse(jsonReport([ladder([survived(10_001), died(30_001, 'timeout', 'exchange'), refused])], false))
  const death = { outcome: 'died', silentMs: 30_001, noticed: 'exchange', death: 'silence', reason: 'timeout' }
  expect(ladders).toEqual([
    {
      target: 'echo://server:7007',
      keepAliveMs: null,
      longestSurvivorMs: 10_000,
      firstDeath: death,
      rungs: [
        { silenceMs: 10_000, outcome: 'survived', silentMs: 10_001 },
        { silenceMs: 30_000, ...death },
        { silenceMs: 60_000, outcome: 'unusable', reason: 'refused', error: 'connect ECONNREFUSED' },
      ],
    },
  ])
})

test.each([
  [0, [survived(1), survived(2), survived(3)]],
  [1, [survived(1), died(2, 'eof', 'silence'), refused]],
  [3, [survived(1), survived(2), refused]],
  [5, [survived(1), refused, mismatch]],
] as [number, RungResult[]][])('exit code %d', (code, fates) => {
  expect(exitCode([ladder([survived(1), survived(2), survived(3)]), ladder(fates)])).toBe(code)
})

test.each([
  [0, '0s'],
  [999.6, '1s'],
  [250, '250ms'],
  [1_499, '1.5s'],
  [59_999, '1m'],
  [60_000, '1m'],
  [119_900, '2m'],
  [61_000, '1m1s'],
])('%d ms is written %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text)
})
