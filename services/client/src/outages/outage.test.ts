import { describe, expect, test } from '@jest/globals'
import type { Failure } from '../failure.ts'
import { OutageState, timesOf } from './outage.ts'

const eof: Failure = { reason: 'eof' }
const timeout: Failure = { reason: 'timeout' }
const refused: Failure = { reason: 'refused' }

/** A session whose last good reply came at 1,000 ms. */
function working(): OutageState {
  const state = new OutageState()
  state.connected()
  state.succeeded(1_000)
  return state
}

describe('what counts as an outage', () => {
  test('a connection that is replaced before the next exchange is due is a reconnect', () => {
    const state = working()
    state.broke(eof, 1_500)
    expect(state.connected()).toBe(eof)
    expect(state.outage).toBeUndefined()
    expect(state.succeeded(2_000)).toBeUndefined()
  })

  test('an exchange that is due without a connection begins one, at the break', () => {
    const state = working()
    state.broke(eof, 1_500)
    state.notConnected(refused)
    expect(state.due(2_000)).toBe(true)
    expect(state.due(3_000)).toBe(false)
    expect(state.connected()).toBeUndefined()
    const outage = state.succeeded(4_000)
    expect(outage).toMatchObject({ failure: eof, connectFailure: refused, startMs: 1_500, lostExchanges: 0 })
    expect(outage && timesOf(outage, 4_000)).toEqual({ durationMs: 2_500, atMostMs: 3_000 })
    expect(state.outage).toBeUndefined()
  })

  test('lost exchanges begin one at the intended start of the first, and are summed up', () => {
    const state = working()
    state.broke(timeout, 3_000)
    expect(state.lost(timeout, 2_000)).toBe(true)
    expect(state.lost(timeout, 2_500)).toBe(false)
    expect(state.lost(timeout, 3_100)).toBe(false)
    const outage = state.succeeded(5_000)
    expect(outage).toMatchObject({ failure: timeout, startMs: 2_000, lostExchanges: 3 })
    expect(outage && timesOf(outage, 5_000)).toEqual({ durationMs: 3_000, atMostMs: 4_000 })
  })

  test('a session that never worked has one only when an exchange is lost', () => {
    const state = new OutageState()
    state.notConnected(refused)
    expect(state.due(0)).toBe(false)
    expect(state.failure).toBe(refused)
    expect(state.lost(refused, 0)).toBe(true)
    const outage = state.succeeded(900)
    expect(outage && timesOf(outage, 900)).toEqual({ durationMs: 900, atMostMs: 900 })
  })

  test('further failures belong to the same one, and the next has a reason of its own', () => {
    const state = working()
    state.broke(eof, 1_500)
    state.due(2_000)
    state.connected()
    state.broke(timeout, 3_500)
    expect(state.lost(timeout, 2_500)).toBe(false)
    expect(state.succeeded(4_000)).toMatchObject({ failure: eof })
    state.connected()
    state.broke(timeout, 7_000)
    state.lost(timeout, 6_000)
    expect(state.outage).toMatchObject({ failure: timeout, connectFailure: undefined, lastGoodMs: 4_000 })
  })

  test('an exchange that was due before the end belongs to the outage that is over, not to a new one', () => {
    const state = working()
    state.lost(timeout, 2_000)
    const outage = state.succeeded(5_000)
    expect(state.lost(timeout, 4_900)).toBe(false)
    expect(state.outage).toBeUndefined()
    expect(outage?.lostExchanges).toBe(2)
    expect(state.lost(timeout, 5_100)).toBe(true)
  })

  test('an exchange that was lost with an outage whose losses were told begins another one, at the end of that', () => {
    const state = working()
    state.lost(timeout, 2_000)
    const outage = state.succeeded(5_000)
    if (outage !== undefined) state.reported(outage)
    expect(state.lost(timeout, 4_900)).toBe(true)
    expect([outage?.lostExchanges, state.outage?.startMs]).toEqual([1, 5_000])
  })
})
