import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')

/** The paths of all documents that may contain generated parts. */
export function documents(): string[] {
  const markdown = (folder: string) => readdirSync(join(ROOT, folder)).filter(name => name.endsWith('.md'))
  return [...markdown('.').map(name => join(ROOT, name)), ...markdown('docs').map(name => join(ROOT, 'docs', name))]
}
