import { describe, expect, test } from '@jest/globals'
import {
  boolean,
  choice,
  count,
  duration,
  type Format,
  integer,
  label,
  line,
  oneOf,
  optional,
  port,
  positiveDuration,
  size,
  sizeRange,
  text,
  wholeSeconds,
} from './formats.ts'

const huge = '9'.repeat(400)
const level = oneOf('info', 'debug')

/** Each format with texts that it accepts, and texts that it rejects although a lenient parser would not. */
const formats: [name: string, format: Format<unknown>, accepted: Record<string, unknown>, rejected: string[]][] = [
  [
    'duration',
    duration,
    { '250ms': 250, '5s': 5_000, '2m': 120_000, '0s': 0, '2147483647ms': 2_147_483_647 },
    [
      '',
      '5',
      ' 5s',
      '5s ',
      '5 s',
      '1.5s',
      '-1s',
      '+1s',
      '05s',
      '1e3s',
      '5S',
      '5h',
      '1m30s',
      '2147483648ms',
      `${huge}s`,
      'Infinitys',
    ],
  ],
  ['positive duration', positiveDuration, { '1ms': 1, '5s': 5_000 }, ['0s', '0ms', '5', '-1s']],
  [
    'size',
    size,
    { '512B': 512, '64KiB': 65_536, '1MiB': 1_048_576, '2GiB': 2_147_483_648, '0B': 0 },
    ['', '64', '64K', '64KB', '64kib', '1.5MiB', '-1B', ' 1B', '0x10B', '2000GiB', `${huge}B`],
  ],
  [
    'count',
    count,
    { '0': 0, '10000': 10_000 },
    ['', '-1', '1e9', '1.5', '01', ' 1', '1 ', '8080abc', '1_000', '0x10', huge, 'NaN'],
  ],
  ['port', port, { '0': 0, '8080': 8_080, '65535': 65_535 }, ['', '8080abc', '65536', '-1', '1e3', ' 80', '80.0', huge]],
  ['integer from 1 to 3', integer(1, 3), { '1': 1, '3': 3 }, ['0', '4']],
  ['boolean', boolean, { true: true, false: false }, ['', '0', '1', 'yes', 'no', 'True', 'TRUE', ' true', 'on']],
  ['one of', level, { info: 'info', debug: 'debug' }, ['', 'INFO', 'trace', 'info ', 'toString']],
  ['choice', choice({ none: false, address: true }), { none: false, address: true }, ['', 'true', 'toString', 'None']],
  [
    'whole-second duration',
    wholeSeconds,
    { '0s': 0, '15s': 15_000, '3000ms': 3_000, '2m': 120_000 },
    ['1500ms', '1ms', '15', ''],
  ],
  [
    'line',
    line,
    { '': '', ' 你好，': ' 你好，', ['x'.repeat(1_024)]: 'x'.repeat(1_024) },
    ['a\nb', 'a\n', '\r', 'x'.repeat(1_025), '你'.repeat(342)],
  ],
  [
    'label',
    label,
    { a: 'a', 'eu-west_1.a': 'eu-west_1.a', 北京: '北京' },
    ['', 'a b', 'a/b', 'a\n', 'x'.repeat(65), '\u202e', 'a"b'],
  ],
]

describe.each(formats)('%s', (_, format, accepted, rejected) => {
  test('accepts valid text', () => {
    for (const [written, value] of Object.entries(accepted)) expect([written, format.parse(written)]).toEqual([written, value])
  })

  test('rejects everything else', () => {
    for (const written of rejected) expect([written, format.parse(written)]).toEqual([written, undefined])
  })
})

test('text accepts everything', () => {
  for (const written of ['', ' 你好，']) expect(text.parse(written)).toBe(written)
})

test('an enumeration lists its words', () => {
  expect(level.valid).toBe('info or debug')
  expect(oneOf('a', 'b', 'c').valid).toBe('a, b or c')
})

describe('formats', () => {
  test.each([
    ['1B', { minimum: 1, maximum: 1 }],
    ['64KiB', { minimum: 65_536, maximum: 65_536 }],
    ['100B..10KiB', { minimum: 100, maximum: 10_240 }],
    ['64MiB', { minimum: 67_108_864, maximum: 67_108_864 }],
  ])('%s is a range of sizes', (text, range) => {
    expect(sizeRange.parse(text)).toEqual(range)
  })

  test.each(['', '0B', '0B..5B', '10B..5B', '100', '100..10000', '1B..', '..1B', '1B..2B..3B', '1B - 2B', '65MiB', '1B..1GiB'])(
    '"%s" is not a range of sizes',
    text => {
      expect(sizeRange.parse(text)).toBeUndefined()
    },
  )

  test('optional accepts the empty text as null', () => {
    expect([optional(count).parse(''), optional(count).parse('0'), optional(count).parse('x')]).toEqual([null, 0, undefined])
  })
})
