// Prints the section of CHANGELOG.md that belongs to a tag: node release/notes.ts v0.2.0
import { readFileSync } from 'node:fs'

const [tag = ''] = process.argv.slice(2)
const { version }: { version: string } = JSON.parse(readFileSync('package.json', 'utf8'))
const sections = readFileSync('CHANGELOG.md', 'utf8').split(/^## /m)
const section = sections.find(text => text.startsWith(`[${version}]`))
const [heading = '', ...lines] = section?.split('\n') ?? []

function problem(): string | undefined {
  if (tag !== `v${version}`) return `the tag is "${tag}", but the version is ${version}: expected v${version}`
  if (section === undefined) return `CHANGELOG.md has no section [${version}]`
  if (!/ - \d{4}-\d{2}-\d{2}$/.test(heading)) return `CHANGELOG.md has no date in "## ${heading}"`
  return
}

const found = problem()
if (found === undefined) console.log(lines.join('\n').trim())
else {
  console.error(found)
  process.exitCode = 1
}
