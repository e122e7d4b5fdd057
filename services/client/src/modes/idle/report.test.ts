import { describe, expect, test } from '@jest/globals'
import type { Target } from '../../target.ts'
import { Ladder } from './ladder.ts'
import { exitCode, formatDuration, jsonReport, textReport } from './report.ts'
import type { Fate } from './rung.ts'

const target = { url: 'echo://server:7007', values: { timeout: 1_000 } } as Target
const SILENCES_MS = [10_000, 30_000, 60_000]

const survived = (silentMs: number): Fate => ({ outcome: 'survived', silentMs })
const died = (silentMs: number, reason: 'eof' | 'reset' | 'timeout', noticed: 'silence' | 'exchange'): Fate => ({
  outcome: 'died',
  silentMs,
  noticed,
  failure: { reason },
})
const refused: Fate = { outcome: 'unusable', failure: { reason: 'refused', error: new Error('connect ECONNREFUSED') } }
const mismatch: Fate = { outcome: 'unusable', failure: { reason: 'mismatch' } }

function ladder(fates: Fate[], keepAliveMs = 0): Ladder {
  const ladder = new Ladder(target, SILENCES_MS, keepAliveMs)
  for (const [index, rung] of ladder.rungs.entries()) rung.fate = fates[index]
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
  30s  died      silence  noticed only at the exchange after it: no answer within 1s
  1m   died      silence  noticed during the silence, after 40s, by keep-alive probes without an answer
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
  => longest survivor 1m, first death after 3s by RST (a longer silence was survived: this was no idle timeout, or not one for all)
`,
    ],
    [
      'of a target that can not be reached',
      [refused, refused, refused],
      `echo://server:7007 without keep-alive
  => no connection could be used: refused, connect ECONNREFUSED
`,
    ],
  ] as [string, Fate[], string][])('%s', (_, fates, text) => {
    expect(textReport([ladder(fates)])).toBe(text)
  })

  test('tells of a server that asked for its connections to be left', () => {
    const asked = ladder([survived(10_001), died(20_000, 'eof', 'silence'), survived(60_001)])
    for (const rung of asked.rungs.slice(1)) rung.goAwayReason = 'max_age'
    expect(textReport([asked]).split('\n').slice(1, 4)).toEqual([
      '  10s  survived',
      '  30s  died      FIN  noticed during the silence, after 20s; the server had said GOAWAY (max_age)',
      '  1m   survived       the server had said GOAWAY (max_age)',
    ])
  })

  test('names the keep-alive of a ladder that has one', () => {
    expect(textReport([ladder([], 15_000)])).toMatch(/^echo:\/\/server:7007 with keep-alive after 15s\n/)
  })
})

test('the JSON has reasons in the words of metrics, and in those of TCP', () => {
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
] as [number, Fate[]][])('exit code %d', (code, fates) => {
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
