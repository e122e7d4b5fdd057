import { expect, test } from '@jest/globals'
import { latencyScale, linearScale, timeTicks } from './scale.ts'

const labels = ({ ticks }: { readonly ticks: readonly { readonly label: string }[] }) => ticks.map(({ label }) => label)

test('latencies are on a logarithmic scale of whole decades', () => {
  const scale = latencyScale([Number.NaN, 0.3, 42])
  expect(labels(scale)).toEqual(['100 µs', '1 ms', '10 ms', '100 ms'])
  expect([0.1, 1, 10, 100, 1_000].map(value => Math.round(scale.position(value) * 1_000))).toEqual([0, 333, 667, 1_000, 1_000])
})

test('latencies of one decade have more ticks, and no latencies have a scale as well', () => {
  expect(labels(latencyScale([2, 3]))).toEqual(['1 ms', '2 ms', '5 ms', '10 ms'])
  expect(labels(latencyScale([10, 10]))).toEqual(['10 ms', '20 ms', '50 ms', '100 ms'])
  expect(labels(latencyScale([]))).toEqual(['100 µs', '1 ms', '10 ms'])
})

test('amounts begin at zero and end at a round number', () => {
  expect(labels(linearScale([33, Number.NaN], 'count'))).toEqual(['0', '10', '20', '30', '40'])
  expect(labels(linearScale([], 'count'))).toEqual(['0', '1', '2', '3', '4'])
  expect(labels(linearScale([999_000], 'count'))).toEqual(['0', '250k', '500k', '750k', '1000k'])
  expect(labels(linearScale([3_000], 'bytes'))).toEqual(['0 B', '1 KiB', '2 KiB', '3 KiB', '4 KiB'])
  expect(labels(linearScale([1_500], 'bytes'))).toEqual(['0 B', '512 B', '1 KiB', '1.5 KiB', '2 KiB'])
})

test('times of day are round', () => {
  const fromMs = Date.UTC(2026, 10, 21, 17, 1, 30)
  expect(timeTicks(fromMs, fromMs + 900_000)).toEqual(
    ['17:03', '17:06', '17:09', '17:12', '17:15'].map((label, index) => ({ at: (90 + 180 * index) / 900, label })),
  )
  expect(timeTicks(fromMs, fromMs + 60_000)[0]?.label).toBe('17:01:30')
  expect(timeTicks(Number.NaN, Number.NaN)).toEqual([])
})
