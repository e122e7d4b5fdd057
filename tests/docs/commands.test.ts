import { readdirSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { isMerge, readMergeConfig } from '../../services/client/src/merge/settings.ts'
import * as client from '../../services/client/src/settings.ts'
import * as server from '../../services/server/src/settings.ts'
import { Kustomization } from '../k8s/manifests.ts'
import { testWith } from '../process/support/tool.ts'
import { blocks, commands, page, pages, rows } from './pages.ts'

test('the commands of README.zh-CN.md are those of README.md', () => {
  expect(commands(page('README.zh-CN.md'))).toEqual(commands(page('README.md')))
  expect(commands(page('README.md')).length).toBeGreaterThan(10)
})

test('what the programs print is the same in README.zh-CN.md and README.md', () => {
  const outputs = (path: string) => [
    ...blocks(page(path), 'json'),
    ...blocks(page(path), '').filter(block => /^\$ |^你好/.test(block)),
  ]
  expect(outputs('README.zh-CN.md')).toEqual(outputs('README.md'))
  expect(outputs('README.md')).toHaveLength(3)
})

/** The words of a command line, without the quotes around them. */
const words = (line: string) => [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '')

/** Commands in front of their output. */
const prompted = (text: string) => blocks(text, '').flatMap(block => /^\$ (.*)$/m.exec(block)?.[1] ?? [])

const shown = [...pages].flatMap(([path, text]) =>
  [...commands(text), ...prompted(text)].flatMap(line => {
    const [, program, args] = /^(?:npx )?(nihao-server|nihao-client) (.*?)(?: > \S+)?$/.exec(line) ?? []
    return program === undefined ? [] : [[path, program, args ?? ''] as const]
  }),
)

describe('command lines in the pages are valid', () => {
  test.each(shown)('%s: %s %s', (_, program, line) => {
    const source = { env: {}, args: words(line) }
    if (program === 'nihao-client' && isMerge(source.args)) readMergeConfig(source)
    else (program === 'nihao-server' ? server : client).readConfig(source, { files: false })
  })

  test('both programs appear', () => {
    expect(new Set(shown.map(([, program]) => program))).toEqual(new Set(['nihao-server', 'nihao-client']))
  })
})

testWith('kubectl', 'the kustomizations in the pages render', async () => {
  const contents = [...pages.values()].flatMap(text => blocks(text, 'yaml')).filter(block => block.includes('../k8s/base'))
  expect(contents).toHaveLength(2)
  for (const content of contents) {
    // The pages are written for a folder next to k8s.
    using kustomization = new Kustomization(parse(content.replaceAll('../k8s/', 'k8s/')))
    expect(kustomization.render().map(({ kind }) => kind)).toEqual(expect.arrayContaining(['Namespace', 'Service']))
  }
})

test('the components in the table are those that exist', () => {
  expect(rows(page('docs/kubernetes.md'), 'Components').toSorted()).toEqual(readdirSync('k8s/components'))
})

test('the init container is valid, and accepted in a namespace that enforces the Pod Security Standard restricted', () => {
  const [{ args, securityContext }] = blocks(page('docs/kubernetes.md'), 'yaml')
    .map(block => parse(block))
    .find(({ initContainers }) => initContainers !== undefined).initContainers
  expect(client.readConfig({ env: {}, args }).mode).toBe('check')
  // On the container itself, because the pod is the reader's own.
  expect(securityContext).toEqual({
    runAsNonRoot: true,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  })
})
