/** `npm run docs`: writes the generated parts of the documents. A test fails if they are out of date. */
import { readFileSync, writeFileSync } from 'node:fs'
import { documents } from './documents.ts'
import { PROMETHEUS_RULE, prometheusRule } from './prometheus-rule.ts'
import { generatedParts, render } from './tables.ts'

const parts = await generatedParts()
for (const path of documents()) {
  const text = readFileSync(path, 'utf8')
  const rendered = render(text, parts)
  if (rendered !== text) writeFileSync(path, rendered)
}
writeFileSync(PROMETHEUS_RULE, prometheusRule())
