import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import manifest from '../../package.json' with { type: 'json' }

const readme = readFileSync('README.md', 'utf8')

test('every npm script that the README names is there', () => {
  const named = [...readme.matchAll(/npm (?:run )?([a-z:]+)/g)].map(([, script]) => script ?? '')
  const own = named.filter(script => !['ci', 'install', 'registry'].includes(script))
  expect(own.length).toBeGreaterThan(3)
  expect(own.filter(script => !(script in manifest.scripts))).toEqual([])
})
