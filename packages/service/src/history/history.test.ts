import { describe, expect, test } from '@jest/globals'
import { counter, largeCounter, level, percentile } from './column.ts'
import { History } from './history.ts'
import { LatencyBuckets } from './latency-buckets.ts'

const columns = { done: counter, bytes: largeCounter, open: level, p50Ms: percentile(0.5), maxMs: percentile(1) }

/** 2026-01-01T00:00:00Z: the start of a minute. */
const START_MS = 1_767_225_600_000

/** A history of some series with a clock that the test moves. All series have the same figures. */
function setUp(series = 1) {
  let nowMs = START_MS
  const figures = { done: 0, bytes: 0, open: 0 }
  const latencies = new LatencyBuckets()
  const labels = Array.from({ length: series }, (_, index) => `series ${index}`)
  const history = new History({
    columns,
    series: labels.map(label => ({ label, figures: () => figures, ...(label === labels[0] && { latencies }) })),
    now: () => nowMs,
  })
  return {
    history,
    figures,
    latencies,
    /** Samples at the end of each second. */
    run(seconds: number, eachSecond: (second: number) => void = () => {}) {
      for (let second = 0; second < seconds; second++) {
        eachSecond(second)
        nowMs += 1_000
        history.sample()
      }
    },
    /** The process stands still, or the clock is set. */
    skip(ms: number) {
      nowMs += ms
    },
    sample: () => history.sample(),
    cells: (span: '15m' | '1h' | '24h' = '15m', name: keyof typeof columns = 'done') =>
      history.read('series 0', span).columns[name],
    nowMs: () => nowMs,
  }
}

const sum = (values: readonly number[]) => values.filter(value => !Number.isNaN(value)).reduce((total, value) => total + value, 0)

describe('a cell', () => {
  test('has the increase of counters, the highest level and percentiles', () => {
    const { run, figures, latencies, history } = setUp()
    run(2, second => {
      figures.done += 3
      figures.bytes += 2 ** 40
      figures.open = 7 - second
      for (const ms of [1, 2, 9]) latencies.record(ms + second)
    })
    run(1)
    const { startMs, stepMs, columns } = history.read('series 0', '15m', { cells: 3 })
    expect({ startMs, stepMs }).toEqual({ startMs: START_MS, stepMs: 1_000 })
    expect(columns.done).toEqual([3, 3, 0])
    expect(columns.bytes).toEqual([2 ** 40, 2 ** 40, 0])
    expect(columns.open).toEqual([7, 6, 6])
    expect(columns.maxMs).toEqual([9, 10, Number.NaN])
    expect(columns.p50Ms.map(ms => Math.round(ms))).toEqual([2, 3, Number.NaN])
    const minute = history.read('series 0', '1h', { cells: 1, columns: ['done', 'open', 'maxMs'] })
    expect(minute).toEqual({ startMs: START_MS, stepMs: 60_000, columns: { done: [6], open: [7], maxMs: [10] } })
  })

  test('of a minute has the percentiles of all durations in it', () => {
    const { run, latencies, cells } = setUp()
    // In most seconds the median is 100 ms, in most exchanges it is 1 ms.
    run(60, second => {
      const exchanges = second < 10 ? 100 : 1
      for (let exchange = 0; exchange < exchanges; exchange++) latencies.record(second < 10 ? 1 : 100)
    })
    expect(cells('1h', 'p50Ms').at(-1)).toBeCloseTo(1, 1)
    expect(cells('15m', 'p50Ms').at(-1)).toBe(100)
    run(60, () => latencies.record(7))
    expect(cells('1h', 'p50Ms').slice(-2)).toEqual([expect.closeTo(1, 1), 7])
  })

  test('of a series without durations has no percentiles', () => {
    const { run, latencies, history } = setUp(2)
    run(1, () => latencies.record(1))
    expect(history.read('series 1', '15m', { cells: 1 }).columns.p50Ms).toEqual([Number.NaN])
  })
})

describe('a window', () => {
  test('is empty before the first sample, and has no data before the first cell', () => {
    const { run, history, cells } = setUp()
    expect(cells().every(Number.isNaN)).toBe(true)
    expect(history.read('series 0', '15m').startMs).toBeNaN()
    run(1)
    expect([cells().length, cells('1h').length, cells('24h').length]).toEqual([900, 60, 1_440])
    expect(cells().filter(value => !Number.isNaN(value))).toEqual([0])
  })

  test('has the newest cells: 15 minutes of seconds, 24 hours of minutes', () => {
    const { run, figures, cells, history, nowMs } = setUp()
    const seconds = 25 * 3_600
    run(seconds, second => {
      figures.done += second
    })
    expect(cells()).toEqual(Array.from({ length: 900 }, (_, index) => seconds - 900 + index))
    const minutes = Array.from({ length: 1_440 }, (_, index) => {
      const first = seconds - 24 * 3_600 + index * 60
      return 60 * first + 1_770
    })
    expect(cells('24h')).toEqual(minutes)
    expect(cells('1h')).toEqual(minutes.slice(-60))
    expect(history.read('series 0', '24h').startMs).toBe(nowMs() - 24 * 3_600_000)
  })
})

describe('a process that was stopped', () => {
  test.each([
    [1_600, 2],
    [10_300, 10],
    [70_000, 70],
  ])('for %s ms leaves %s cells without data; nothing is lost', (ms, stopped) => {
    const { run, figures, cells, skip, sample } = setUp()
    const work = () => {
      figures.done += 10
    }
    run(5, work)
    // Stopped within a second, in which something was done.
    skip(500)
    figures.done += 4
    skip(ms)
    sample()
    skip(1_000 - ((500 + ms) % 1_000))
    sample()
    run(3, work)
    const cellsSince = cells().slice(cells().indexOf(10))
    expect(cellsSince).toEqual([10, 10, 10, 10, 10, ...Array(stopped).fill(Number.NaN), 4, 10, 10, 10])
    expect(sum(cells('1h'))).toBe(figures.done)
  })

  test('for less than the rest of a second loses nothing', () => {
    const { run, figures, cells, skip, sample } = setUp()
    run(2)
    figures.done += 5
    skip(1_900)
    sample()
    skip(100)
    sample()
    expect(cells().slice(-2)).toEqual([5, 0])
  })

  test('a timer that fires early changes nothing', () => {
    const { run, figures, cells, skip, sample } = setUp()
    run(2, () => {
      figures.done += 5
    })
    figures.done += 1
    skip(999)
    sample()
    skip(1)
    sample()
    expect(cells().slice(-3)).toEqual([5, 5, 1])
  })
})

describe('a clock that is set', () => {
  test.each([-3_600_000, -61_000, -1_000, -300])('back by %s ms keeps all cells in their order', byMs => {
    const { run, figures, cells, skip, history, nowMs } = setUp()
    const work = () => {
      figures.done += 1
    }
    run(600, work)
    skip(byMs)
    run(30, work)
    const last = cells()
      .slice(-630)
      .filter(value => !Number.isNaN(value))
    expect(sum(last)).toBe(630)
    expect(sum(cells('1h'))).toBe(630)
    const { startMs, stepMs, columns } = history.read('series 0', '15m')
    expect(startMs + stepMs * columns.done.length).toBe(Math.floor(nowMs() / 1_000) * 1_000)
  })

  test('forward leaves a gap', () => {
    const { run, figures, cells, skip } = setUp()
    const work = () => {
      figures.done += 1
    }
    run(10, work)
    skip(300_000)
    run(10, work)
    expect(sum(cells())).toBe(20)
    expect(cells().slice(-310).filter(Number.isNaN)).toHaveLength(301)
  })
})

describe('memory', () => {
  test('200 series of a client take less than 20 MB', () => {
    // As large as the cells of a client or server.
    const wide = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`column ${index}`, counter]))
    const series = Array.from({ length: 200 }, (_, index) => ({ label: `${index}`, figures: () => ({}) }))
    const history = new History({ columns: wide, series })
    expect(history.byteLength).toBe(200 * 2_340 * 40)
    expect(history.byteLength + 200 * 2 * LatencyBuckets.bytes).toBeLessThan(20_000_000)
  })

  test.each([201, 1_000, 5_000])('%s series take no more: their cells cover more time, and the spans stay', count => {
    const { history, run, figures } = setUp(count)
    expect(history.byteLength + count * 2 * LatencyBuckets.bytes).toBeLessThan(count > 1_000 ? 40_000_000 : 20_000_000)
    run(120, () => {
      figures.done += 1
    })
    for (const [span, ms] of [
      ['15m', 900_000],
      ['1h', 3_600_000],
      ['24h', 86_400_000],
    ] as const) {
      const { stepMs, columns } = history.read('series 7', span)
      expect(stepMs * columns.done.length).toBe(ms)
    }
    expect(sum(history.read('series 7', '24h').columns.done)).toBe(120)
  })
})
