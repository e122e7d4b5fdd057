import { BlockList, isIP } from 'node:net'

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

/** Durations from short to long, in milliseconds. */
export const durations: Format<readonly number[]> = {
  valid: 'durations from short to long, separated by commas or blanks, such as 500ms,5s,2m',
  parse(text) {
    const values = text.split(/,| +/).map(word => positiveDuration.parse(word) ?? Number.NaN)
    return values.every((value, index) => value > (values[index - 1] ?? 0)) ? values : undefined
  },
}

/** A duration in milliseconds that is a whole number of seconds, for what the kernel counts in seconds. */
export const wholeSeconds: Format<number> = {
  valid: 'a duration of whole seconds, such as 0s, 5s or 2m',
  parse(text) {
    const value = duration.parse(text)
    return value !== undefined && value % 1_000 === 0 ? value : undefined
  },
}

/** A size, in bytes. */
export const size = scaled(SIZE_UNITS, 0, 2 ** 40, 'a size such as 512B, 64KiB or 1MiB')

/** How much may go by before something happens: so many bytes or so many messages; Infinity for what does not count. */
export interface Amount {
  readonly bytes: number
  readonly messages: number
}

const messages = scaled({ n: 1 }, 1, 1_000_000_000, '')

/** A size in bytes, or a number of messages. */
export const amount: Format<Amount> = {
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

/** A share of a whole. */
export const share: Format<number> = {
  valid: 'a share from 0 to 1, such as 0.05',
  parse: text => (/^(0(\.[0-9]{1,9})?|1)$/.test(text) ? Number(text) : undefined),
}

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

/** Words of a closed list, separated by commas or blanks; none at all, too. */
export function someOf<const Word extends string>(...words: Word[]): Format<readonly Word[]> {
  return {
    valid: `any of ${words.join(', ')}, separated by commas`,
    parse(text) {
      const given = text.split(/[\s,]+/).filter(word => word !== '')
      const known = words.filter(word => given.includes(word))
      return given.every(word => known.includes(word as Word)) ? known : undefined
    },
  }
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

/** Blanks and commas separate the URLs of endpoints: a list in an option of a URL is written with semicolons. */
const itemsOf = (text: string) => text.split(/[\s,;]+/).filter(item => item !== '')

/** Words in order, such as the names of protocols (ALPN). */
export const list: Format<readonly string[]> = {
  valid: 'a list of names, separated by blanks, commas or semicolons',
  parse: itemsOf,
}

/** IP addresses and subnets, to check addresses against. */
export const addressRanges: Format<BlockList> = {
  valid: 'a list of IP addresses and subnets such as 10.0.0.0/8, separated by blanks, commas or semicolons',
  parse(text) {
    const ranges = new BlockList()
    for (const item of itemsOf(text)) {
      const [, address = '', prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(item) ?? []
      const version = isIP(address)
      if (version === 0 || address.includes('%') || Number(prefix ?? 0) > (version === 4 ? 32 : 128)) return undefined
      const family = version === 4 ? 'ipv4' : 'ipv6'
      if (prefix === undefined) ranges.addAddress(address, family)
      else ranges.addSubnet(address, Number(prefix), family)
    }
    return ranges
  },
}
