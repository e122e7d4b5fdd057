import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { documents } from '../../docs/documents.ts'
import { PROMETHEUS_RULE, prometheusRule } from '../../docs/prometheus-rule.ts'
import { generatedParts, partsIn, render } from '../../docs/tables.ts'

const parts = generatedParts()
const texts = documents().map(path => [basename(path), readFileSync(path, 'utf8')] as const)

test.each(texts)('the generated parts of %s are up to date (npm run docs)', async (_, text) => {
  expect(text).toBe(render(text, await parts))
})

test('every generated part is in exactly one document', async () => {
  const found = texts.flatMap(([, text]) => partsIn(text))
  expect(found.sort()).toEqual([...(await parts).keys()].sort())
})

test('the PrometheusRule has the rules of monitoring/rules.yml (npm run docs)', () => {
  const text = readFileSync(PROMETHEUS_RULE, 'utf8')
  expect(text).toBe(prometheusRule())
  expect(parse(text).spec).toEqual(parse(readFileSync('monitoring/rules.yml', 'utf8')))
})
