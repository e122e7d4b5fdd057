import { describe, expect, test } from '@jest/globals'
import { ConfigError } from '@nihao/service'
import { readConfig } from './settings.ts'

function problemsOf(listen: string, env: Record<string, string> = {}): readonly string[] {
  try {
    readConfig({ env: { ...env, NIHAO_LISTEN: listen }, args: [] })
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

describe('TLS and PROXY settings', () => {
  test.each([
    ['greet+tls://h:1', 'NIHAO_LISTEN: greet+tls://h:1: TLS requires cert (NIHAO_CERT) and key (NIHAO_KEY)'],
    [
      'greet+tls://h:1?cert=/no/c&key=/no/k&client-cert=require',
      'NIHAO_LISTEN: greet+tls://h:1: client-cert requires ca (NIHAO_CA)',
    ],
    ['greet+tls://h:1?cert=/no/c&key=/no/k', 'NIHAO_LISTEN: greet+tls://h:1: cert /no/c: no such file'],
    ['greet://h:1?cert=/no/c', 'NIHAO_LISTEN: greet://h:1: option "cert" requires TLS: use greet+tls://'],
    [
      'greet+tls://h:1?client-cert=yes',
      'NIHAO_LISTEN: greet+tls://h:1: option "client-cert": invalid value "yes": must be none, request or require',
    ],
    ['greet://h:1?proxy=v3', 'NIHAO_LISTEN: greet://h:1: option "proxy": invalid value "v3": must be off, v1, v2 or any'],
  ])('%s is rejected', (listen, problem) => {
    expect(problemsOf(listen)).toContain(problem)
  })

  test('a Unix socket needs no list of proxies, and files are not read where it does not matter', () => {
    expect(problemsOf('greet+unix:///run/x?proxy=any')).toEqual([])
    const env = { NIHAO_LISTEN: 'greet+tls://h:1?cert=/no/c&key=/no/k' }
    expect(readConfig({ env, args: [] }, { files: false }).listeners).toHaveLength(1)
  })

  test.each([
    ['10.0.0.0/8;2001:db8::/32', '10.1.2.3', true],
    ['10.0.0.0/8%2C192.0.2.1', '192.0.2.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['192.0.2.1', '192.0.2.2', false],
  ])('trusted-proxies=%s and %s', (list, address, trusted) => {
    const env = { NIHAO_LISTEN: `greet://h:1?proxy=any&trusted-proxies=${list}` }
    expect(readConfig({ env, args: [] }).listeners[0]?.values.trustedProxies.check(address)).toBe(trusted)
  })

  test.each(['10.0.0.0/33', '::/129', 'fe80::1%eth0', 'proxy.example', '10.0.0.0/-1', '10.0.0/8'])(
    '%s is no list of addresses',
    list => {
      expect(problemsOf('greet://h:1', { NIHAO_TRUSTED_PROXIES: list })).toHaveLength(1)
    },
  )
})
