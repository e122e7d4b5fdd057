import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { parseAllDocuments } from 'yaml'
import { isWorkload, Kustomization, type Manifest } from '../k8s/manifests.ts'
import { testWith } from '../process/support/tool.ts'

const run = (script: string, args: readonly string[], cwd = '.') =>
  spawnSync('node', [resolve(`release/${script}.ts`), ...args], { cwd, encoding: 'utf8' })

describe('the notes of a release', () => {
  const notes = (changelog: string, tag: string) => {
    const folder = mkdtempSync(join(tmpdir(), 'nihao-'))
    try {
      writeFileSync(join(folder, 'package.json'), '{"version":"0.2.0"}')
      writeFileSync(join(folder, 'CHANGELOG.md'), changelog)
      return run('notes', [tag], folder)
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
  const changelog = '# Changelog\n\n## [0.2.0] - 2026-12-01\n\n### Added\n\n- Something.\n\n## [0.1.0] - 2026-11-01\n\n- Else.\n'

  test('are the section of its version', () => {
    expect(notes(changelog, 'v0.2.0')).toMatchObject({ status: 0, stdout: '### Added\n\n- Something.\n' })
  })

  test.each([
    ['of another version', changelog, 'v0.3.0', 'expected v0.2.0'],
    ['without a section', changelog.replace('0.2.0', '0.2.1'), 'v0.2.0', 'no section [0.2.0]'],
    ['without a date', changelog.replace('2026-12-01', 'Unreleased'), 'v0.2.0', 'no date in "## [0.2.0] - Unreleased"'],
  ])('do not exist for a tag %s', (_, changelog, tag, problem) => {
    expect(notes(changelog, tag)).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining(problem) })
  })
})

describe('the manifests of a release', () => {
  const digests = { server: `sha256:${'1'.repeat(64)}`, client: `sha256:${'2'.repeat(64)}` }
  const image = (name: keyof typeof digests) => `registry.example.com/nihao-${name}@${digests[name]}`

  testWith('kubectl', 'are the base with pinned images', async () => {
    const { status, stdout, stderr } = run('install', [image('server'), image('client')])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const objects: Manifest[] = parseAllDocuments(stdout).map(document => document.toJS())
    const workloads = objects.filter(isWorkload)
    expect(workloads.map(({ metadata, spec }) => [metadata.name, spec.template.spec.containers[0].image])).toEqual([
      ['client', image('client')],
      ['server', image('server')],
    ])
    using base = new Kustomization({ resources: ['k8s/base'] })
    const withoutImages = (objects: readonly Manifest[]) => JSON.stringify(objects).replaceAll(/"image":"[^"]*"/g, '')
    expect(withoutImages(objects)).toBe(withoutImages(base.render()))
  })

  test.each([
    ['one image', [image('server')]],
    ['a tag', [image('server'), 'registry.example.com/nihao-client:0.2.0']],
  ])('are not made from %s', (_, args) => {
    expect(run('install', args)).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('expected two images') })
  })
})
