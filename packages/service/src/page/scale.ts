import { bytes, milliseconds, timeOfDay } from './quantities.ts'

/** A mark on an axis, from 0 at its start to 1 at its end. */
export interface Tick {
  readonly at: number
  readonly label: string
}

/** A vertical axis: where a value is, from 0 at the bottom to 1 at the top. */
export interface Scale {
  readonly ticks: readonly Tick[]
  readonly position: (value: number) => number
}

/** Durations in ms on a logarithmic scale that covers all of them, by at least one decade. */
export function latencyScale(values: readonly number[]): Scale {
  const present = values.filter(value => value > 0)
  const low = decade(present.length === 0 ? 0.1 : smallest(present), Math.floor)
  const high = Math.max(low + 1, decade(present.length === 0 ? 10 : largest(present), Math.ceil))
  const position = (value: number) => clamp((Math.log10(value) - low) / (high - low))
  const decades = Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index))
  const steps = high - low === 1 ? [1, 2, 5] : [1]
  const marks = decades.flatMap(start => steps.map(step => start * step)).filter(value => value <= 10 ** high * 1.001)
  return { position, ticks: marks.map(value => ({ at: position(value), label: shortMs(value) })) }
}

/** Amounts from zero on a linear scale with round numbers. */
export function linearScale(values: readonly number[], kind: 'count' | 'bytes'): Scale {
  const top = roundUp(
    largest([...values.filter(Number.isFinite), kind === 'bytes' ? 1_024 : 4]),
    kind === 'bytes' ? 1_024 : 1_000,
  )
  const position = (value: number) => clamp(value / top)
  const label = (value: number) => (kind === 'bytes' ? shortBytes(value) : shortCount(value))
  return { position, ticks: [0, 0.25, 0.5, 0.75, 1].map(at => ({ at, label: label(at * top) })) }
}

/** Times of day on a horizontal axis, where they are round; wall clock, ms. */
export function timeTicks(fromMs: number, toMs: number): Tick[] {
  const lengthMs = toMs - fromMs
  if (!(lengthMs > 0)) return []
  const stepMs = TIME_STEPS_MS.find(step => lengthMs / step <= 6) ?? lengthMs
  const ticks = []
  for (let atMs = Math.ceil(fromMs / stepMs) * stepMs; atMs <= toMs; atMs += stepMs) {
    ticks.push({ at: (atMs - fromMs) / lengthMs, label: timeOfDay(atMs).slice(0, stepMs < 60_000 ? 8 : 5) })
  }
  return ticks
}

const TIME_STEPS_MS = [1, 5, 10, 30, 60, 180, 300, 600, 1_800, 3_600, 7_200, 14_400].map(seconds => seconds * 1_000)

const smallest = (values: readonly number[]) => values.reduce((least, value) => Math.min(least, value))
const largest = (values: readonly number[]) => values.reduce((most, value) => Math.max(most, value))
const clamp = (share: number) => Math.min(1, Math.max(0, share))
const decade = (value: number, round: (exponent: number) => number) => round(Math.round(Math.log10(value) * 1e6) / 1e6)

/** The next of 1, 2, 4, 8, 10, 20 … times a power of the base, so that a quarter of it is round as well. */
function roundUp(value: number, base: number): number {
  const power = base ** Math.floor(Math.log(value) / Math.log(base) + 1e-9)
  const step = [1, 2, 4, 8, 10, 20, 40, 80, 100, 200, 400, 800].find(step => step * power >= value)
  return (step ?? base) * power
}

const shortMs = (ms: number) => withoutZeros(milliseconds(ms))
const shortBytes = (count: number) => withoutZeros(bytes(count))
const withoutZeros = (text: string) => text.replace(/(\.\d*?)0+(?= )/, '$1').replace(/\.(?= )/, '')
const shortCount = (count: number) =>
  count >= 1_000 ? `${Number((count / 1_000).toPrecision(3))}k` : String(Number(count.toPrecision(3)))
