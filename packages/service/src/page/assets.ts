import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PageOf } from '../admin.ts'
import { style } from './style.ts'

/** The files that the pages refer to, by path. */
export function pageAssets(): Readonly<Record<string, PageOf>> {
  const script = readFileSync(join(import.meta.dirname, 'refresh.js'), 'utf8')
  return {
    '/page.css': () => ({ status: 200, type: 'text/css; charset=utf-8', body: style }),
    '/page.js': () => ({ status: 200, type: 'text/javascript; charset=utf-8', body: script }),
  }
}
