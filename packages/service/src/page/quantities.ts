import type { Language } from './language.ts'

/** Numbers as a page shows them: short, with a unit, and the same width from one update to the next. */

const UNITS = {
  en: { d: 'd', h: 'h', min: 'min', s: 's' },
  zh: { d: '天', h: '小时', min: '分', s: '秒' },
} as const

/** `3 min 12 s`: the two largest units, rounded down to seconds. */
export function duration(ms: number, language: Language): string {
  const unit = UNITS[language]
  const seconds = Math.max(0, Math.floor(ms / 1_000))
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60]
  if (days > 0) return `${days} ${unit.d} ${hours} ${unit.h}`
  if (hours > 0) return `${hours} ${unit.h} ${minutes} ${unit.min}`
  if (minutes > 0) return `${minutes} ${unit.min} ${seconds % 60} ${unit.s}`
  return `${seconds} ${unit.s}`
}

/** Three significant digits in µs, ms or s. */
export function milliseconds(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return '–'
  if (ms < 0.9995) return `${Math.round(ms * 1_000)} µs`
  if (ms < 999.5) return `${significant(ms)} ms`
  return `${significant(ms / 1_000)} s`
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

export function bytes(count: number): string {
  let unit = 0
  let value = count
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1_024
    unit++
  }
  return `${unit === 0 ? Math.round(value) : significant(value)} ${BYTE_UNITS[unit]}`
}

/** With commas between thousands. */
export const integer = (count: number): string => Math.round(count).toLocaleString('en-US')

/** A rate per second, without its unit. */
export const rate = (perSecond: number): string => (perSecond < 9.95 ? perSecond.toFixed(1) : integer(perSecond))

/** A share of one, as a percentage that is 0 or 100 % only if it is exactly that. */
export function percentage(share: number): string {
  if (share === 0 || share === 1) return `${share * 100} %`
  return `${Math.min(99.9, Math.max(0.1, share * 100)).toFixed(share < 0.0995 || share > 0.9 ? 1 : 0)} %`
}

/** `17:23:45`, in UTC like the log. */
export const timeOfDay = (atMs: number): string => new Date(atMs).toISOString().slice(11, 19)

/** Three significant digits, as many of them after the point as there is room for. */
const significant = (value: number): string => value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)
