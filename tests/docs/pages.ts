import { readdirSync, readFileSync } from 'node:fs'

/** The text of every page, by its path from the root of the project. */
export const pages: ReadonlyMap<string, string> = new Map(
  ['.', 'docs']
    .flatMap(folder => readdirSync(folder).map(name => (folder === '.' ? name : `${folder}/${name}`)))
    .filter(path => path.endsWith('.md'))
    .map(path => [path, readFileSync(path, 'utf8')]),
)

export function page(path: string): string {
  const text = pages.get(path)
  if (text === undefined) throw new Error(`no page ${path}`)
  return text
}

/** The contents of a page's fenced blocks in one language; '' for blocks without a language. */
export const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(/^( *)```(\w*)\n(.*?)^\1```$/gms)]
    .filter(([, , found]) => found === language)
    .map(([, indent = '', , content = '']) => content.replaceAll(new RegExp(`^${indent}`, 'gm'), ''))

/** The commands in a page's shell blocks, one per line. */
export const commands = (text: string): string[] => blocks(text, 'sh').flatMap(block => block.trim().split('\n'))

/** The codes in the first column of the table under a heading. */
export function rows(text: string, heading: string): string[] {
  const [, section] = text.split(new RegExp(`^#+ ${heading}$`, 'm'))
  if (section === undefined) throw new Error(`no heading "${heading}"`)
  const [table = ''] = /^\|.*\n\|[-|]+\n(\|.*\n)+/m.exec(section) ?? []
  const [, , ...cells] = table.split('\n').map(line => /^\| `?([^`|]+?)`? \|/.exec(line)?.[1])
  return cells.filter(cell => cell !== undefined)
}
