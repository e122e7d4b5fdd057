import { expect, test } from '@jest/globals'
import { ExpiryWatch } from './expiry-watch.ts'

const DAY_MS = 86_400_000

/** The days on which a check each hour reports a certificate. */
function reportedOn(days: number, expiryOn: (day: number) => number | undefined): number[] {
  let nowMs = 0
  const reported: number[] = []
  const expiresAtMs = () => {
    const day = expiryOn(nowMs / DAY_MS)
    return day && day * DAY_MS
  }
  const watch = new ExpiryWatch(
    expiresAtMs,
    () => reported.push(nowMs / DAY_MS),
    () => nowMs,
  )
  for (; nowMs <= days * DAY_MS; nowMs += DAY_MS / 24) watch.check()
  return reported
}

test('a certificate is reported 14, 7, 3 and 1 days before it expires, and when it has expired', () => {
  expect(reportedOn(40, () => 30)).toEqual([16, 23, 27, 29, 30])
})

test('one that expires soon when the process starts is reported at once', () => {
  expect(reportedOn(4, () => 5)).toEqual([0, 2, 4])
})

test('a new certificate is reported for itself', () => {
  expect(reportedOn(20, day => (day < 10 ? 20 : 24))).toEqual([6, 10, 17])
  expect(reportedOn(20, day => (day < 10 ? 20 : 90))).toEqual([6])
})

test('without a certificate there is nothing to report', () => {
  expect(reportedOn(20, () => undefined)).toEqual([])
  expect(reportedOn(20, () => Number.NaN)).toEqual([])
})
