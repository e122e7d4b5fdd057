import { expect, test } from '@jest/globals'
import { condense, maximum, median, minimum, sinceFirst, sum } from './condense.ts'

const { NaN: none } = Number
const window = (startMs: number, values: number[]) => ({ startMs, stepMs: 1_000, columns: { figure: values } })

test('cells are combined at times that do not depend on the newest one', () => {
  const values = [1, 2, 3, 4, 5, 6, 7, 8, 9]
  expect(condense(window(0, values), 3, { figure: sum })).toEqual({ startMs: 0, stepMs: 3_000, columns: { figure: [6, 15, 24] } })
  expect(condense(window(1_000, values), 3, { figure: sum })).toEqual({
    startMs: 3_000,
    stepMs: 3_000,
    columns: { figure: [12, 21, 9] },
  })
})

test('cells without data are left out', () => {
  expect(condense(window(0, [none, none, 3, none]), 2, { figure: maximum }).columns.figure).toEqual([none, 3])
})

test('fewer cells than wanted stay as they are', () => {
  expect(condense(window(0, [1, none]), 60, { figure: minimum })).toEqual(window(0, [1, none]))
})

test('what was before the first data is left out, but for a fifth', () => {
  const late = Array.from({ length: 10 }, (_, index) => (index < 5 ? none : index))
  expect(sinceFirst(window(0, late))).toEqual(window(5_000, [5, 6, 7, 8, 9]))
  expect(sinceFirst(window(0, Array(10).fill(none)))).toEqual(window(8_000, [none, none]))
  expect(sinceFirst(window(0, [1, none]))).toEqual(window(0, [1, none]))
})

test('ways to combine', () => {
  expect([sum, minimum, maximum, median].map(combine => combine([4, 1, 9]))).toEqual([14, 1, 9, 4])
})
