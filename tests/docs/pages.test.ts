import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, test } from '@jest/globals'
import manifest from '../../package.json' with { type: 'json' }
import { blocks, pages } from './pages.ts'

/** As GitHub derives it from a heading. */
const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{Letter}\p{Number}\- ]/gu, '')
    .replaceAll(' ', '-')

const anchorsOf = (text: string) => [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchor(heading))

const withoutBlocks = (text: string) => text.replaceAll(/^( *)```.*?^\1```$/gms, '')

const all = [...pages]

test.each(all)('links in %s lead to files and headings that exist', (path, text) => {
  const links = [...withoutBlocks(text).matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => link)
  const broken = links.filter(link => {
    if (/^https:\/\//.test(link)) return false
    const [file = '', heading] = link.split('#')
    const target = file === '' ? path : normalize(join(dirname(path), file))
    if (!existsSync(target)) return true
    return heading !== undefined && !anchorsOf(readFileSync(target, 'utf8')).includes(heading)
  })
  expect(broken).toEqual([])
})

test.each(all)('pictures in %s exist', (path, text) => {
  const pictures = [...text.matchAll(/\b(?:src|srcset)="([^"]+)"/g)].map(([, file = '']) => normalize(join(dirname(path), file)))
  expect(pictures.filter(file => !existsSync(file))).toEqual([])
})

test.each(all)('files and folders that %s names exist', (_, text) => {
  const roots = readdirSync('.').filter(name => name !== 'dist')
  const named = [...text.matchAll(/(?<![\w./-])((?:\.ci|\w[\w.-]*)\/[\w./-]+|Dockerfile\.\w+|docker-compose\.yml)/g)]
  const paths = named.map(([, path = '']) => path.replace(/[.,]$/, '')).filter(path => roots.includes(path.split('/')[0] ?? ''))
  expect(paths.filter(path => !existsSync(path))).toEqual([])
})

test.each(all)('npm scripts that %s names exist', (_, text) => {
  const named = [...text.matchAll(/\bnpm (?:run )?([a-z]+(?::[a-z]+)?)\b/g)].map(([, script = '']) => script)
  const scripts = ['ci', 'registry', 'packages', ...Object.keys(manifest.scripts)]
  expect(named.filter(script => !scripts.includes(script))).toEqual([])
})

/** Text of the programs' sources. */
const sources = ['packages', 'services']
  .flatMap(folder => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(name => join(folder, name)))
  .filter(path => path.endsWith('.ts') && !path.includes('node_modules'))
  .map(path => readFileSync(path, 'utf8'))
  .join('\n')

test('log messages that the pages show or list are those of the programs', () => {
  const shown = all.flatMap(([, text]) => blocks(text, 'json').flatMap(block => [...block.matchAll(/"msg":"([^"]+)"/g)]))
  const [, table = ''] = /^## Logs$(.*)/ms.exec(pages.get('docs/metrics.md') ?? '') ?? []
  const listed = [...table.matchAll(/^\| (`.+?`) \|/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)])
  const messages = [...shown, ...listed].map(([, message = '']) => message)
  expect(messages.length).toBeGreaterThan(8)
  expect(messages.filter(message => !sources.includes(`'${message}'`))).toEqual([])
})

test("the check report in the README has the program's words", () => {
  const report = blocks(pages.get('README.md') ?? '', '').find(block => block.includes('half-close')) ?? ''
  const hint = report.split('\n').find(line => /^ +[A-Z]/.test(line)) ?? ''
  expect(hint.trim()).not.toBe('')
  expect(sources).toContain(hint.trim())
})
