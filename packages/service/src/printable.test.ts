import { describe, expect, test } from '@jest/globals'
import { printable, printableJson } from './printable.ts'

describe('printable', () => {
  const cases: [text: string, expected: string][] = [
    ['你好，张三 🀄 é ß ~', '你好，张三 🀄 é ß ~'],
    ['\u001b[31mred', '\\u{1b}[31mred'],
    ['a\r\nb\tc', 'a\\u{d}\\u{a}b\\u{9}c'],
    ['\u0000\u007f\u0085\u009b', '\\u{0}\\u{7f}\\u{85}\\u{9b}'],
    ['\u2028\u2029', '\\u{2028}\\u{2029}'],
    ['\u202egpj.exe\u200b', '\\u{202e}gpj.exe\\u{200b}'],
    ['\ud800x\udfff', '\\u{d800}x\\u{dfff}'],
    ['\ufffe\uffff\u{1fffe}', '\\u{fffe}\\u{ffff}\\u{1fffe}'],
  ]
  test.each(cases)('%j', (text, expected) => {
    expect(printable(text)).toBe(expected)
  })

  test('truncates long text, but not within a character', () => {
    expect(printable('x'.repeat(10_000))).toBe(`${'x'.repeat(500)}…`)
    expect(printable(`${'x'.repeat(499)}🀄${'x'.repeat(100)}`)).not.toMatch(/[\ud800-\udfff]/)
  })
})

describe('printableJson', () => {
  test('escapes terminal control characters, and keeps the values and the end of the line', () => {
    const value = { text: 'é 你好 🀄 \u009b31m \u202egpj \u200b \u2028 \u007f \u{e0001}' }
    const line = `${JSON.stringify(value)}\n`
    const escaped = printableJson(line)
    expect(escaped).toBe('{"text":"é 你好 🀄 \\u009b31m \\u202egpj \\u200b \\u2028 \\u007f \\udb40\\udc01"}\n')
    expect(JSON.parse(escaped)).toEqual(value)
  })

  test('escapes lone surrogates', () => {
    expect(printableJson('"\ud800x\udfff"\n')).toBe('"\\ud800x\\udfff"\n')
  })
})
