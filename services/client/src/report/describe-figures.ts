import type { Figures } from './results.ts'

/** Figures as text: `{ roundTripMs: 0.412, sentBytes: 2048 }` is "round trip 0.41 ms, sent 2,048 B". */
export function describeFigures(figures: Figures): string {
  return Object.entries(figures)
    .map(([name, value]) => (typeof value === 'number' ? describeFigure(name, value) : `${words(name)} ${value}`))
    .join(', ')
}

function describeFigure(name: string, value: number): string {
  if (name === 'mebibytesPerSecond') return `${describeNumber(value)} MiB/s`
  if (name.endsWith('Ms')) return `${words(name.slice(0, -2))} ${describeMs(value)}`
  if (name.endsWith('Bytes')) return `${words(name.slice(0, -5))} ${describeNumber(value)} B`
  return `${words(name)} ${describeNumber(value)}`
}

/** `roundTrip` is "round trip". */
const words = (name: string) => name.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)

export function describeMs(ms: number): string {
  return ms < 1_000 ? `${describeNumber(ms)} ms` : `${describeNumber(ms / 1_000)} s`
}

/** Fractions with about three significant digits; whole numbers in full. */
function describeNumber(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 })
}
