import { describe, expect, test } from '@jest/globals'
import { printable } from './printable.ts'

describe('printable', () => {
  const cases: [text: string, becomes: string][] = [
    ['你好，张三 🀄 é ß ~', '你好，张三 🀄 é ß ~'],
    ['\u001b[31mred', '\\u{1b}[31mred'],
    ['a\r\nb\tc', 'a\\u{d}\\u{a}b\\u{9}c'],
    ['\u0000\u007f\u0085\u009b', '\\u{0}\\u{7f}\\u{85}\\u{9b}'],
    ['\u2028\u2029', '\\u{2028}\\u{2029}'],
    ['\u202egpj.exe\u200b', '\\u{202e}gpj.exe\\u{200b}'],
    ['\ud800x\udfff', '\\u{d800}x\\u{dfff}'],
    ['\ufffe\uffff\u{1fffe}', '\\u{fffe}\\u{ffff}\\u{1fffe}'],
  ]
  test.each(cases)('%j', (text, becomes) => {
    expect(printable(text)).toBe(becomes)
  })

  test('is short, and no character is cut in half', () => {
    expect(printable('x'.repeat(10_000))).toBe(`${'x'.repeat(500)}…`)
    expect(printable(`${'x'.repeat(499)}🀄${'x'.repeat(100)}`)).not.toMatch(/[\ud800-\udfff]/)
  })
})
