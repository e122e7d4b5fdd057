import { expect, test } from '@jest/globals'
import { preferredLanguage } from './language.ts'

test.each([
  [undefined, 'en'],
  ['', 'en'],
  ['*', 'en'],
  ['zh-CN,zh;q=0.9,en;q=0.8', 'zh'],
  ['en-GB,en;q=0.9,zh-CN;q=0.8', 'en'],
  ['de-DE,de;q=0.9,zh;q=0.5', 'zh'],
  ['zh;q=0,en;q=0', 'en'],
  ['ZH-hant', 'zh'],
  ['zhx,;;;q=,q=9', 'en'],
])('Accept-Language %s is answered in %s', (header, language) => {
  expect(preferredLanguage(header)).toBe(language)
})
