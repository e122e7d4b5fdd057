import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { isSupported, requiredNode } from '../launch.cjs'

const ROOT = join(import.meta.dirname, '../../..')

test.each([
  ['24.12.0', true],
  ['24.21.3', true],
  ['25.0.0', true],
  ['24.11.9', false],
  ['24.2.0', false],
  ['22.22.0', false],
  ['20.20.2', false],
])('Node %s is supported: %s', (version, supported) => {
  expect(isSupported(version)).toBe(supported)
})

test('the required version is that of package.json', () => {
  const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  expect(engines.node).toMatch(new RegExp(`^>=${requiredNode.join('\\.')}\\.0 `))
})

/** The Node of the machine, if it is too old for the programs. */
function oldNode(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(folder => !folder.includes('node_modules'))
  return folders
    .map(folder => join(folder, 'node'))
    .find(path => {
      const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' })
      return typeof stdout === 'string' && stdout !== '' && !isSupported(stdout.trim().slice(1))
    })
}

describe.each(['server', 'client'])('nihao-%s', name => {
  const launcher = join(ROOT, `services/${name}/bin/nihao-${name}.js`)

  test('starts', () => {
    expect(execFileSync(launcher, ['--version'], { encoding: 'utf8' })).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  const node = oldNode()
  const testWithOldNode = node === undefined ? test.skip : test
  testWithOldNode('names the Node it needs', () => {
    const { status, stdout, stderr } = spawnSync(node ?? '', ['--conditions=source', launcher], { encoding: 'utf8' })
    expect(stderr).toMatch(new RegExp(`^nihao-${name} needs Node\\.js 24\\.12 or later; this is \\d+\\.\\d+\\.\\d+\\n$`))
    expect([status, stdout]).toEqual([2, ''])
  })
})
