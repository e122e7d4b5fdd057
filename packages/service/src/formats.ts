/** The syntax of a setting's value. The whole text must match; nothing is guessed. */
export interface Format<Value> {
  /** The kind of value, for errors and help: `invalid duration "5"`. Formats without a name are explained at each setting. */
  readonly name?: string
  /** What is valid; completes "must be …". */
  readonly valid: string
  /** Returns undefined for invalid text. */
  parse(text: string): Value | undefined
}

/** `a, b or c` */
export const enumerate = (words: readonly string[], conjunction: 'and' | 'or'): string =>
  words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} ${conjunction} ${words.at(-1)}`

function scaled(units: Record<string, number>, minimum: number, maximum: number, name: string, valid: string): Format<number> {
  const pattern = new RegExp(`^(0|[1-9][0-9]*)(${Object.keys(units).join('|')})$`)
  return {
    name,
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
/** The longest delay of a Node timer, ms. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Milliseconds. */
export const duration = scaled(
  TIME_UNITS,
  0,
  MAX_TIMER_MS,
  'duration',
  'an integer with the unit ms, s or m, such as 0s, 250ms, 5s or 2m (at most 24 days)',
)

/** Milliseconds, at least one. */
export const positiveDuration = scaled(
  TIME_UNITS,
  1,
  MAX_TIMER_MS,
  'positive duration',
  'a duration of at least 1ms, such as 250ms, 5s or 2m (at most 24 days)',
)

/** Milliseconds, whole seconds only, for times that the kernel takes in seconds. */
export const wholeSeconds: Format<number> = {
  name: 'whole-second duration',
  valid: 'a duration in whole seconds, such as 0s, 15s or 2m',
  parse(text) {
    const value = duration.parse(text)
    return value !== undefined && value % 1_000 === 0 ? value : undefined
  },
}

/** Bytes. */
export const size = scaled(
  SIZE_UNITS,
  0,
  2 ** 40,
  'size',
  'an integer with the unit B, KiB, MiB or GiB, such as 512B, 64KiB or 1MiB',
)

/** A number of bytes or of messages; the other is Infinity. */
export interface Amount {
  readonly bytes: number
  readonly messages: number
}

const messages = scaled({ n: 1 }, 1, 1_000_000_000, '', '')

/** A number of bytes or of messages after which something happens. */
export const amount: Format<Amount> = {
  name: 'amount',
  valid: 'none, a size such as 64KiB, or a number of messages such as 10n',
  parse(text) {
    const never = { bytes: Number.POSITIVE_INFINITY, messages: Number.POSITIVE_INFINITY }
    if (text === 'none') return never
    const bytes = size.parse(text)
    if (bytes !== undefined) return { ...never, bytes }
    const count = messages.parse(text)
    return count === undefined ? undefined : { ...never, messages: count }
  },
}

export const fraction: Format<number> = {
  name: 'fraction',
  valid: 'a number from 0 to 1, such as 0.05',
  parse: text => (/^(0(\.[0-9]{1,9})?|1)$/.test(text) ? Number(text) : undefined),
}

/** In bytes, inclusive. */
export interface SizeRange {
  readonly minimum: number
  readonly maximum: number
}

export const sizeRange: Format<SizeRange> = {
  name: 'size range',
  valid: 'a size from 1B to 64MiB, such as 512B, or a range, such as 100B..10KiB',
  parse(text) {
    const [first = '', last = first, ...more] = text.split('..')
    const minimum = size.parse(first) ?? 0
    const maximum = size.parse(last) ?? 0
    return more.length === 0 && minimum >= 1 && minimum <= maximum && maximum <= 64 * SIZE_UNITS.MiB
      ? { minimum, maximum }
      : undefined
  },
}

/** Also accepts empty text, as null. */
export function optional<Value>(format: Format<Value>): Format<Value | null> {
  return { ...format, valid: `${format.valid}, or empty`, parse: text => (text === '' ? null : format.parse(text)) }
}

export const count: Format<number> = { name: 'count', ...integer(0, 1_000_000_000) }

/** A TCP port; 0 is any free port. */
export const port: Format<number> = { name: 'port', ...integer(0, 65_535) }

export function integer(minimum: number, maximum: number): Format<number> {
  return {
    valid: `an integer from ${minimum} to ${maximum}`,
    parse(text) {
      const value = /^(0|[1-9][0-9]*)$/.test(text) ? Number(text) : Number.NaN
      return value >= minimum && value <= maximum ? value : undefined
    },
  }
}

export const boolean: Format<boolean> = { name: 'boolean', ...choice({ true: true, false: false }) }

/** One of several words, each mapped to a value. */
export function choice<Value>(values: Readonly<Record<string, Value>>): Format<Value> {
  const words = Object.keys(values)
  return {
    valid: enumerate(words, 'or'),
    parse: text => (Object.hasOwn(values, text) ? values[text] : undefined),
  }
}

/** One of several words. */
export function oneOf<const Word extends string>(...words: Word[]): Format<Word> {
  return choice(Object.fromEntries(words.map(word => [word, word])) as Record<string, Word>)
}

/** Any text, including empty text. */
export const text: Format<string> = { name: 'text', valid: 'any text', parse: text => text }

const MAX_LINE_BYTES = SIZE_UNITS.KiB

/** Text without line breaks. */
export const line: Format<string> = {
  name: 'line',
  valid: 'text of at most 1KiB without line breaks (LF, CR)',
  parse: text => (/[\r\n]/.test(text) || Buffer.byteLength(text) > MAX_LINE_BYTES ? undefined : text),
}

/** The path of a file, which is not read here. */
export const file: Format<string> = { name: 'file', valid: 'the path of a file', parse: text => text }

/** A name that needs no escaping in a log line, a metric label or a URL. */
export const label: Format<string> = {
  name: 'label',
  valid: '1 to 64 letters, digits, dots, hyphens or underscores',
  parse: text => (/^[\p{L}\p{N}._-]{1,64}$/u.test(text) ? text : undefined),
}

/** The empty expression matches everything. */
export const pattern: Format<RegExp> = {
  name: 'regular expression',
  valid: 'a JavaScript regular expression',
  parse(text) {
    try {
      return new RegExp(text)
    } catch {
      return undefined
    }
  },
}
