/** How a setting is written, and what it means. Nothing is guessed: a text is in the format as a whole, or it is refused. */
export interface Format<Value> {
  /** What is valid, for messages and documents: "must be …". */
  readonly valid: string
  /** Gives the value, or undefined for a text that is not in the format. */
  parse(text: string): Value | undefined
}

function scaled(units: Record<string, number>, minimum: number, maximum: number, valid: string): Format<number> {
  const pattern = new RegExp(`^(0|[1-9][0-9]*)(${Object.keys(units).join('|')})$`)
  return {
    valid,
    parse(text) {
      const [, digits, unit = ''] = pattern.exec(text) ?? []
      const value = Number(digits) * (units[unit] ?? Number.NaN)
      return value >= minimum && value <= maximum ? value : undefined
    },
  }
}

const TIME_UNITS = { ms: 1, s: 1_000, m: 60_000 }
const SIZE_UNITS = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }
/** The longest time that a Node timer can wait, ms. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** A duration, in milliseconds; none at all, too. */
export const duration = scaled(TIME_UNITS, 0, MAX_TIMER_MS, 'a duration such as 0s, 250ms, 5s or 2m (24 days at most)')

/** A duration, in milliseconds, of at least one. */
export const positiveDuration = scaled(
  TIME_UNITS,
  1,
  MAX_TIMER_MS,
  'a duration from 1ms, such as 250ms, 5s or 2m (24 days at most)',
)

/** A size, in bytes. */
export const size = scaled(SIZE_UNITS, 0, 2 ** 40, 'a size such as 512B, 64KiB or 1MiB')

export interface SizeRange {
  readonly minimum: number
  readonly maximum: number
}

/** One size or all sizes of a range, in bytes, of at least one. */
export const sizeRange: Format<SizeRange> = {
  valid: 'a size from 1B to 64MiB such as 512B, or a range of them such as 100B..10KiB',
  parse(text) {
    const [first = '', last = first, ...more] = text.split('..')
    const minimum = size.parse(first) ?? 0
    const maximum = size.parse(last) ?? 0
    return more.length === 0 && minimum >= 1 && minimum <= maximum && maximum <= 64 * SIZE_UNITS.MiB
      ? { minimum, maximum }
      : undefined
  },
}

/** What may be left out: null for the empty text. */
export function optional<Value>(format: Format<Value>): Format<Value | null> {
  return { valid: `${format.valid}; empty = none`, parse: text => (text === '' ? null : format.parse(text)) }
}

/** A whole number, from 0. */
export const count = wholeNumber(0, 1_000_000_000)

/** A TCP port; 0 is any free one. */
export const port = wholeNumber(0, 65_535)

export function wholeNumber(minimum: number, maximum: number): Format<number> {
  return {
    valid: `a whole number from ${minimum} to ${maximum}`,
    parse(text) {
      const value = /^(0|[1-9][0-9]*)$/.test(text) ? Number(text) : Number.NaN
      return value >= minimum && value <= maximum ? value : undefined
    },
  }
}

export const boolean: Format<boolean> = {
  valid: 'true or false',
  parse: text => (text === 'true' ? true : text === 'false' ? false : undefined),
}

/** Any text at all, also none. */
export const text: Format<string> = { valid: 'a text', parse: text => text }

export const nonEmptyText: Format<string> = { valid: 'a text that is not empty', parse: text => text || undefined }

export function oneOf<const Word extends string>(...words: Word[]): Format<Word> {
  return { valid: `one of ${words.join(', ')}`, parse: text => words.find(word => word === text) }
}

/** A regular expression; the empty one matches everything. */
export const pattern: Format<RegExp> = {
  valid: 'a regular expression',
  parse(text) {
    try {
      return new RegExp(text)
    } catch {
      return undefined
    }
  },
}
