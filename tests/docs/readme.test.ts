import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { render } from '../../docs/tables.ts'
import manifest from '../../package.json' with { type: 'json' }

const readme = readFileSync('README.md', 'utf8')

test('the tables of settings and metrics in the README are those of the code (npm run docs)', async () => {
  expect(readme).toBe(await render(readme))
})

test('every npm script that the README names is there', () => {
  const named = [...readme.matchAll(/npm (?:run )?([a-z:]+)/g)].map(([, script]) => script ?? '')
  const own = named.filter(script => !['ci', 'install', 'registry'].includes(script))
  expect(own.length).toBeGreaterThan(3)
  expect(own.filter(script => !(script in manifest.scripts))).toEqual([])
})
