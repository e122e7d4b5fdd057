import { expect, test } from '@jest/globals'
import { isTranslated, sourceOf } from './source.ts'

test.each([
  ['10.0.0.1:4000', '10.0.0.1:4000', false],
  ['10.0.0.1:4000', '10.0.0.1:5000', false],
  ['10.0.0.1:4000', '10.0.0.9:4000', true],
  ['::ffff:10.0.0.1:4000', '10.0.0.1:4000', false],
  ['fd00::1:4000', 'fd00::1:4000', false],
  ['fd00::1:4000', 'fd00::2:4000', true],
  ['fe80::1%eth0:4000', 'fe80::1%eth7:4000', false],
])('a source of %s that is seen as %s', (localAddress, peer, translated) => {
  expect(sourceOf({ localAddress, hello: { peer } })?.translated).toBe(translated)
  expect(isTranslated({ localAddress, hello: { peer } })).toBe(translated)
})

test('a source is unknown without HELLO and on a Unix socket', () => {
  expect(sourceOf({ localAddress: '10.0.0.1:4000', hello: undefined })).toBeUndefined()
  expect(isTranslated({ localAddress: undefined, hello: undefined })).toBeUndefined()
  expect(sourceOf({ localAddress: '10.0.0.1:4000', hello: { server: 'node-a' } })).toBeUndefined()
  expect(sourceOf({ localAddress: undefined, hello: { peer: '10.0.0.1:4000' } })).toBeUndefined()
})
