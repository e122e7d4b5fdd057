import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const file = join(import.meta.dirname, 'results.md')
const intro = `# Benchmarks

Each section but the last is written by the command that it names. Traffic stays on the loopback interface. The server has core 0 to itself; the load
and everything else run on core 1.
`
/** The sections of the file, in order. */
const titles = ['Servers', 'Two commits', 'Many connections', 'TLS', 'Client', 'Where the time goes'] as const

/** Replaces one section of results.md. */
export function writeSection(title: (typeof titles)[number], text: string): void {
  const sections = new Map(readSections())
  sections.set(title, `## ${title}\n\n${text.trim()}\n`)
  const present = titles.map(each => sections.get(each)).filter(section => section !== undefined)
  writeFileSync(file, [intro, ...present.map(section => `${section.trim()}\n`)].join('\n'))
}

function readSections(): [string, string][] {
  const sections = readFileSync(file, 'utf8').split(/^(?=## )/m)
  return sections.map(section => [/^## (.*)/.exec(section)?.[1] ?? '', section])
}
