import { spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import manifest from '../../package.json' with { type: 'json' }

/** The project's own text files; tests have versions of their own. */
const owned = globSync(
  ['*', '.ci/*', '.github/**', 'docs/*', 'k8s/**', 'monitoring/**', '{packages,services}/*/{package.json,src/**}'],
  {
    exclude: ({ name }) => name === 'CHANGELOG.md',
    withFileTypes: true,
  },
)
  .filter(entry => entry.isFile())
  .map(entry => relative(resolve('.'), join(entry.parentPath, entry.name)))
  .filter(path => !path.endsWith('.test.ts'))

/** The project's versions in a text: of an image, a label, or a package. */
const versionsIn = (path: string, folder = '.') => {
  const text = readFileSync(join(folder, path), 'utf8')
  if (path === 'package-lock.json') return locked(text)
  const places =
    /nihao-(?:server|client):(\d[\w.-]*)|\/version: *(\d\S*)|image\.version="(\S+)"|"(?:version|@nihao\/\w+)": "(\d[^"]*)"/g
  return [...text.matchAll(places)].map(found => found.slice(1).find(version => version !== undefined))
}

interface Package {
  readonly version: string
  readonly dependencies?: Readonly<Record<string, string>>
}

function locked(text: string): (string | undefined)[] {
  const { version, packages }: Package & { packages: Record<string, Package> } = JSON.parse(text)
  const own = Object.entries(packages).filter(([folder]) => !folder.startsWith('node_modules/'))
  return [
    version,
    ...own.flatMap(([, { version, dependencies = {} }]) => [
      version,
      ...Object.entries(dependencies).flatMap(([name, wanted]) => (name.startsWith('@nihao/') ? [wanted] : [])),
    ]),
  ]
}

const naming = owned.filter(path => versionsIn(path).length > 0)
const copy = mkdtempSync(join(tmpdir(), 'nihao-'))
beforeAll(() => {
  for (const path of owned) cpSync(path, join(copy, path))
})
afterAll(() => rmSync(copy, { recursive: true }))

const setVersion = (version: string) =>
  spawnSync('node', [resolve('release/version.ts'), version], { cwd: copy, encoding: 'utf8' })

test('there is one version', () => {
  for (const path of naming) expect([path, new Set(versionsIn(path))]).toEqual([path, new Set([manifest.version])])
  expect(naming).toEqual(
    expect.arrayContaining([
      'Dockerfile.client',
      'Dockerfile.server',
      'README.md',
      'docker-compose.yml',
      'docs/kubernetes.md',
      'k8s/base/server.yaml',
      'k8s/components/check/job.yaml',
      'package-lock.json',
      'package.json',
      'packages/wire/package.json',
      'services/client/package.json',
    ]),
  )
})

test('one command sets it everywhere, and changes nothing else', () => {
  expect(setVersion('9.8.7-rc.1')).toMatchObject({ status: 0, stderr: '' })
  for (const path of naming) expect([path, new Set(versionsIn(path, copy))]).toEqual([path, new Set(['9.8.7-rc.1'])])
  expect(setVersion(manifest.version)).toMatchObject({ status: 0, stderr: '' })
  for (const path of owned) expect([path, readFileSync(join(copy, path), 'utf8')]).toEqual([path, readFileSync(path, 'utf8')])
})

test('an invalid version changes nothing', () => {
  const before = readFileSync(join(copy, 'package.json'), 'utf8')
  expect(setVersion('v1')).toMatchObject({ status: 2, stderr: expect.stringContaining('invalid version "v1"') })
  expect(readFileSync(join(copy, 'package.json'), 'utf8')).toBe(before)
})
