import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Manifest } from './manifests.ts'

const root = join(import.meta.dirname, '../..')

/** Where the schemas of an API group are, generated from Kubernetes' own OpenAPI document and from the operators' CRDs. */
function moduleOf(apiVersion: string): string {
  if (apiVersion.startsWith('cert-manager.io/')) return `@kubernetes-models/cert-manager/${apiVersion}`
  if (apiVersion.startsWith('monitoring.coreos.com/')) return `@kubernetes-models/prometheus-operator/${apiVersion}`
  return `kubernetes-models/${apiVersion}`
}

/** Runs a program that prints one problem per line. */
function problemsOf(program: string, args: readonly string[], input = ''): string[] {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: root, input, encoding: 'utf8' })
  if (status !== 0 && stdout === '') throw new Error(stderr)
  return stdout.split('\n').filter(line => line !== '')
}

/** The values that the schemas reject: types, patterns, ranges, missing fields. */
export function invalidValues(objects: readonly Manifest[]): string[] {
  const script = `
    import { text } from 'node:stream/consumers'
    for (const { module, object } of JSON.parse(await text(process.stdin))) {
      const { [object.kind]: Model } = await import(module)
      try { new Model(object).validate() }
      catch ({ message }) { console.log(object.kind + ' ' + object.metadata.name + ': ' + message) }
    }`
  const input = objects.map(object => ({ module: moduleOf(object.apiVersion), object }))
  return problemsOf('node', ['--input-type=module', '--eval', script], JSON.stringify(input))
}

/**
 * The fields that the schemas do not have, and again values of the wrong type. The schemas themselves accept unknown fields; TypeScript
 * does not accept them in a literal of the schema's type.
 */
export function unknownFields(objects: readonly Manifest[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'nihao-'))
  try {
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    const lines = objects.map(object => {
      const type = `import('${moduleOf(object.apiVersion)}').I${object.kind}`
      return `export const _${objects.indexOf(object)}: ${type} = ${JSON.stringify(object)}`
    })
    writeFileSync(join(folder, 'objects.ts'), lines.join('\n'))
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--ignoreConfig', '--module', 'nodenext', '--types', '']
    return problemsOf('tsc', [...options, join(folder, 'objects.ts')])
  } finally {
    rmSync(folder, { recursive: true })
  }
}
