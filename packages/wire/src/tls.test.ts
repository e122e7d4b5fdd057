import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Credentials, CredentialsError, readCredentials, WatchedCredentials } from './tls.ts'

let folder: string
const path = (name: string) => join(folder, name)

function createCertificate(name: string, days: number): void {
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`]
  const files = ['-keyout', path(`${name}.key`), '-out', path(`${name}.pem`)]
  execFileSync('openssl', [...args, ...files, '-days', `${days}`], { stdio: 'ignore' })
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nihao-tls-'))
  createCertificate('one', 2)
  createCertificate('two', 5)
  writeFileSync(path('rubbish.pem'), 'rubbish')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function problemsOf(files: { cert?: string; key?: string; ca?: string }): readonly string[] {
  try {
    readCredentials({ cert: '', key: '', ca: '', ...files })
    return []
  } catch (error) {
    if (error instanceof CredentialsError) return error.problems
    throw error
  }
}

describe('readCredentials', () => {
  test('reads certificate, key and roots, and the expiry of the certificate that expires first', () => {
    const files = { cert: path('one.pem'), key: path('one.key'), ca: path('two.pem') }
    const { options, expiresAtMs = 0 } = readCredentials(files)
    expect(options.minVersion).toBe('TLSv1.2')
    expect((expiresAtMs - Date.now()) / 86_400_000).toBeCloseTo(2, 1)
    writeFileSync(path('chain.pem'), Buffer.concat(['two', 'one'].map(name => Buffer.from(readText(name)))))
    const chain = readCredentials({ cert: path('chain.pem'), key: path('two.key'), ca: '' })
    expect(chain.expiresAtMs).toBe(expiresAtMs)
  })

  test('all files are optional', () => {
    expect(readCredentials({ cert: '', key: '', ca: '' }).expiresAtMs).toBeUndefined()
  })

  test('names every unusable file with the reason', () => {
    expect(problemsOf({ cert: path('none.pem'), key: path('none.key'), ca: folder })).toEqual([
      `cert ${path('none.pem')}: no such file`,
      `key ${path('none.key')}: no such file`,
      `ca ${folder}: is a directory`,
    ])
    expect(problemsOf({ cert: path('rubbish.pem'), key: path('one.key') })).toEqual([
      `cert ${path('rubbish.pem')}: not a PEM certificate`,
    ])
    expect(problemsOf({ cert: path('one.pem'), key: path('two.key') })).toEqual([
      `key ${path('two.key')}: does not match the certificate ${path('one.pem')}`,
    ])
    expect(problemsOf({ cert: path('one.pem'), key: path('rubbish.pem') })).toHaveLength(1)
  })
})

test('credentials that cannot be reloaded stay in use', () => {
  const files = { cert: path('live.pem'), key: path('live.key'), ca: '' }
  const copy = (name: string) => {
    copyFileSync(path(`${name}.pem`), files.cert)
    copyFileSync(path(`${name}.key`), files.key)
  }
  copy('one')
  const events: (Credentials | readonly string[])[] = []
  const watched = new WatchedCredentials(files, {
    reloaded: credentials => events.push(credentials),
    failed: error => events.push(error.problems),
  })
  const first = watched.current
  writeFileSync(files.cert, 'rubbish')
  watched.reload()
  expect(events).toEqual([[`cert ${files.cert}: not a PEM certificate`]])
  expect(watched.current).toBe(first)
  copy('two')
  watched.reload()
  expect(watched.current).toBe(events[1])
  expect((watched.current.expiresAtMs ?? 0) - (first.expiresAtMs ?? 0)).toBeCloseTo(3 * 86_400_000, -5)
  watched.close()
})

const readText = (name: string) => execFileSync('openssl', ['x509', '-in', path(`${name}.pem`)])
