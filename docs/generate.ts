/** `npm run docs`: writes the tables of the README from the code. A test fails while they differ. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { render } from './tables.ts'

const path = join(import.meta.dirname, '../README.md')
writeFileSync(path, await render(readFileSync(path, 'utf8')))
