import { describe, expect, test } from '@jest/globals'
import type { LogLine } from '../process/support/service.ts'
import type { Expectation } from './fault-case.ts'
import { judge, type Outcome, readOutcome } from './outcome.ts'

const INTERVAL_MS = 100
const path: Expectation = { kinds: ['outage'], sides: ['path'], clock: 'witness' }
const none: Expectation = { kinds: ['none'], sides: [], clock: 'none' }

const outage = {
  side: 'path',
  evidence: 'unacknowledged',
  reason: 'timeout',
  durationMs: 3_000,
  atMostMs: 3_100,
  lostExchanges: 20,
} as const
const outcome = (change: Partial<Outcome> = {}): Outcome => ({
  kind: 'outage',
  outages: [outage],
  reconnects: 0,
  failures: 20,
  ...change,
})
const withOutage = (change: Partial<Outcome['outages'][number]>) => outcome({ outages: [{ ...outage, ...change }] })

describe('a verdict', () => {
  test.each<
    [
      verdict: string,
      what: string,
      outcome: Outcome,
      expectation: Expectation,
      truth: number | [leastMs: number, mostMs: number] | undefined,
    ]
  >([
    ['right', 'the right side', outcome(), path, 3_000],
    ['unknown', 'no side', withOutage({ side: 'unknown' }), path, 3_000],
    ['WRONG SIDE', 'another side', withOutage({ side: 'server' }), path, 3_000],
    ['WRONG SIDE', 'one wrong side of two', outcome({ outages: [outage, { ...outage, side: 'client' }] }), path, 3_000],
    ['WRONG KIND', 'an outage where none was', withOutage({ side: 'unknown' }), none, undefined],
    ['WRONG KIND', 'no outage where one was', outcome({ kind: 'none', outages: [], failures: 0 }), path, 3_000],
    ['WRONG LOSSES', 'failures outside of the outage', outcome({ failures: 21 }), path, 3_000],
    ['WRONG LOSSES', 'a failure without an outage', outcome({ kind: 'none', outages: [], failures: 1 }), none, undefined],
    ['right', 'failures that are not known', outcome({ failures: undefined }), path, 3_000],
    ['right', 'the longest length that is tolerated', withOutage({ durationMs: 3_350, atMostMs: 3_350 }), path, 3_000],
    ['WRONG LENGTH', 'a longer one', withOutage({ durationMs: 3_351, atMostMs: 3_400 }), path, 3_000],
    ['right', 'a length within bounds of the truth', withOutage({ durationMs: 3_351, atMostMs: 3_400 }), path, [2_900, 3_100]],
    ['WRONG LENGTH', 'one out of them', withOutage({ durationMs: 3_351, atMostMs: 3_400 }), path, [2_700, 2_900]],
    ['WRONG LENGTH', 'a bound below the length', withOutage({ atMostMs: 2_999 }), path, 3_000],
    ['right', 'any length where the true one is not known', withOutage({ durationMs: 9_000, atMostMs: 9_000 }), path, undefined],
    ['right', 'nothing where nothing was', outcome({ kind: 'none', outages: [], failures: 0 }), none, undefined],
  ])('is %s for %s', (verdict, _, outcome, expectation, truth) => {
    const [leastMs, mostMs = leastMs] = [truth].flat()
    const span = leastMs === undefined || mostMs === undefined ? undefined : { leastMs, mostMs }
    expect(judge(outcome, expectation, span, INTERVAL_MS)).toBe(verdict)
  })
})

describe('an outcome', () => {
  const line = (time: string, fields: object): LogLine => ({ level: 'info', time, service: 'nihao-client', msg: '', ...fields })
  const lost = { reason: 'timeout', side: 'path', evidence: 'unacknowledged', durationMs: 5, atMostMs: 6, lostExchanges: 2 }

  test('has the outages, reconnects and failures since the fault', () => {
    const lines = [
      line('2026-01-01T00:00:01.000Z', { ...lost, msg: 'outage over' }),
      line('2026-01-01T00:00:02.000Z', { msg: 'reconnected' }),
      line('2026-01-01T00:00:03.000Z', { ...lost, msg: 'outage over' }),
      line('2026-01-01T00:00:04.000Z', { 'echo://server:7007': { exchangeFailures: { timeout: 4, reset: 1 } }, msg: 'stopped' }),
    ]
    expect(readOutcome(lines, '2026-01-01T00:00:02.000Z', 3)).toEqual({
      kind: 'outage',
      outages: [{ ...lost }],
      reconnects: 1,
      failures: 2,
    })
  })

  test('is a reconnect where no outage was', () => {
    const { kind } = readOutcome([line('2026-01-01T00:00:02.000Z', { msg: 'reconnected' })], '2026-01-01T00:00:02.000Z', 0)
    expect(kind).toBe('reconnect')
  })
})
