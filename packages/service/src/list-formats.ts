import { BlockList, isIP } from 'node:net'
import { enumerate, type Format, positiveDuration, size } from './formats.ts'

/** Milliseconds, in ascending order. */
export const durations: Format<readonly number[]> = {
  name: 'list of durations',
  valid: 'positive durations in ascending order, separated by commas or spaces, such as 500ms,5s,2m',
  parse(text) {
    const values = text.split(/,| +/).map(item => positiveDuration.parse(item) ?? Number.NaN)
    return values.every((value, index) => value > (values[index - 1] ?? 0)) ? values : undefined
  },
}

const MAX_SIZES = 8
const MAX_SIZE_BYTES = 64 * 2 ** 20

/** Bytes, in ascending order. */
export const sizes: Format<readonly number[]> = {
  name: 'list of sizes',
  valid: `up to ${MAX_SIZES} sizes from 1B to 64MiB in ascending order, separated by commas, spaces or semicolons (in a URL: semicolons), such as 64B;1400B;64KiB`,
  parse(text) {
    const values = itemsOf(text).map(item => size.parse(item) ?? Number.NaN)
    const ascending = values.every((value, index) => value > (values[index - 1] ?? 0) && value <= MAX_SIZE_BYTES)
    return ascending && values.length > 0 && values.length <= MAX_SIZES ? values : undefined
  },
}

/** Any number of values of a closed enumeration. */
export function someOf<const Word extends string>(...words: Word[]): Format<readonly Word[]> {
  return {
    valid: `any of ${enumerate(words, 'and')}, separated by commas or spaces`,
    parse(text) {
      const given = text.split(/[\s,]+/).filter(word => word !== '')
      const known = words.filter(word => given.includes(word))
      return given.every(word => known.includes(word as Word)) ? known : undefined
    },
  }
}

/** Endpoint URLs, which are not parsed here. */
export const endpointList: Format<string> = {
  name: 'endpoints',
  valid: 'endpoint URLs, separated by spaces or commas',
  parse: text => text,
}

/** Blanks and commas separate endpoint URLs, so inside a URL the items of a list are separated by semicolons. */
const itemsOf = (text: string) => text.split(/[\s,;]+/).filter(item => item !== '')

export const list: Format<readonly string[]> = {
  name: 'list',
  valid: 'names, separated by spaces, commas or semicolons (in a URL: semicolons)',
  parse: itemsOf,
}

/** IP addresses and subnets to match addresses against. */
export const addressRanges: Format<BlockList> = {
  name: 'address ranges',
  valid: 'IP addresses and subnets such as 10.0.0.0/8, separated by spaces, commas or semicolons (in a URL: semicolons)',
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
