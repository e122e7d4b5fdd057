import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { type JsonRun, result, verdicts } from './support/check.ts'
import { clientBehind } from './support/namespace.ts'
import { testWith } from './support/tool.ts'

/** For what never comes: what precedes it takes much less, however busy the machine is. */
const LIMITS = '--timeout 6s --check-timeout 12s --check-idle 8s'
/** For checks that pass. */
const LONG_LIMITS = '--timeout 30s --check-timeout 60s'

async function checkBehind(
  rules: readonly string[],
  args: readonly string[],
  { limits = LIMITS, target = 'echo://127.0.0.1:7007' } = {},
): Promise<JsonRun> {
  const { status, ...output } = await clientBehind(rules, `check --report json ${target} ${limits} ${args.join(' ')}`)
  return { code: status, ...output, report: JSON.parse(output.stdout) }
}

/** Each in a namespace of its own, side by side: they mostly wait for what does not come. */
const testWithRules = (name: string, run: () => Promise<void>) => testWith('unshare', name, run, test.concurrent)

const rule = (text: string) => `iptables -w -A INPUT -p tcp --dport 7007 ${text}`
/** The kernel drops the state of an idle connection after four seconds, and does not pick up established connections. */
const forget = (target: string) => [
  'echo 4 >/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established',
  'echo 0 >/proc/sys/net/netfilter/nf_conntrack_tcp_loose',
  rule('-m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT'),
  rule(`-j ${target}`),
]

describe('behind a firewall that', () => {
  testWithRules('accepts everything, all checks pass', async () => {
    const run = await checkBehind([], ['--only', 'connect,exchange,large,half-close,concurrent'], { limits: LONG_LIMITS })
    expect(new Set(Object.values(verdicts(run)))).toEqual(new Set(['ok']))
  })

  const closed: [what: string, rule: string, reason: string][] = [
    ['drops', '-j DROP', 'timeout'],
    ['rejects with RST', '-j REJECT --reject-with tcp-reset', 'refused'],
    ['rejects with ICMP host unreachable', '-j REJECT --reject-with icmp-host-unreachable', 'unreachable'],
  ]
  for (const [what, target, reason] of closed) {
    testWithRules(`${what}, the target is unreachable: ${reason}`, async () => {
      const run = await checkBehind([rule(target)], [])
      expect([run.code, verdicts(run)]).toEqual([3, { connect: `failed: ${reason}` }])
      expect(result(run, 'connect', 'failed').meaning).toMatch(/firewall/)
    })
  }

  testWithRules('limits connections and drops those above the limit, the limit is found', async () => {
    const run = await checkBehind([rule('--syn -m connlimit --connlimit-above 5 -j DROP')], ['--only', 'exchange,concurrent'])
    expect(verdicts(run)).toEqual({ exchange: 'ok', concurrent: 'failed: timeout' })
    expect(result(run, 'concurrent', 'failed').figures.connections).toBe(5)
  })

  testWithRules('limits connections and rejects those above the limit, the limit is found', async () => {
    const reject = '--syn -m connlimit --connlimit-above 5 -j REJECT --reject-with tcp-reset'
    const run = await checkBehind([rule(reject)], ['--only', 'exchange,concurrent'])
    expect(verdicts(run)).toEqual({ exchange: 'ok', concurrent: 'failed: refused' })
    expect(result(run, 'concurrent', 'failed').meaning).toMatch(/firewall or the server limits connections/)
  })

  testWithRules('drops the state of idle connections and then their packets, the cause is found', async () => {
    const run = await checkBehind(forget('DROP'), ['--only', 'exchange,half-close,idle'])
    expect(verdicts(run)).toEqual({ exchange: 'ok', 'half-close': 'ok', idle: 'failed: timeout' })
    expect(result(run, 'idle', 'failed').meaning).toMatch(/dropped the state of the idle connection and drops/)
  })

  testWithRules('drops the state of idle connections and then resets them, the cause is found', async () => {
    const run = await checkBehind(forget('REJECT --reject-with tcp-reset'), ['--only', 'exchange,idle'])
    expect(verdicts(run)).toEqual({ exchange: 'ok', idle: 'failed: reset' })
    expect(result(run, 'idle', 'failed').meaning).toMatch(/dropped the state of this one and rejects/)
  })

  testWithRules('silently drops full-size packets, the black hole and the size at which it begins are found', async () => {
    const run = await checkBehind([rule('-m length --length 1453: -j DROP')], ['--only', 'exchange,large,half-close,sizes'])
    expect(verdicts(run)).toEqual({ exchange: 'ok', large: 'failed: timeout', 'half-close': 'ok', sizes: 'failed: timeout' })
    // 1,452 bytes of packet are 1,400 of data: 20 of IP, and 20 of TCP with 12 of timestamps.
    const { figures, meaning } = result(run, 'sizes', 'failed')
    expect(figures).toMatchObject({ largestBytes: 1_400, failedBytes: 1_408 })
    expect(meaning).toMatch(/MTU black hole/)
    expect(result(run, 'large', 'failed').meaning).toMatch(/drops large packets/)
  })

  testWithRules('drops the first SYNs of many connections, the kernel retransmits them and the check passes', async () => {
    // One for the check that connects, then 20 of 50: what a full accept queue does to a burst.
    const some = (count: number, target: string) => rule(`--syn -m limit --limit 1/day --limit-burst ${count} -j ${target}`)
    const rules = [some(1, 'ACCEPT'), some(20, 'DROP')]
    const run = await checkBehind(rules, ['--only', 'concurrent'], { limits: LONG_LIMITS })
    expect(verdicts(run)).toEqual({ concurrent: 'ok' })
    const { connections, slowConnects } = result(run, 'concurrent', 'ok').figures
    expect(connections).toBe(50)
    expect(slowConnects).toBeGreaterThanOrEqual(20)
  })
})

/** A socket buffers up to 64 KiB and one message, and writes them at once. */
const LAST_WRITE_BYTES = 72 * 2 ** 10

testWithRules('a large transfer that is too slow for its time limit reports the bytes sent', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nihao-'))
  try {
    const received = join(folder, 'received')
    const server = `socat -u TCP-LISTEN:7009,fork,reuseaddr OPEN:${received},creat,append &\nuntil grep -q ':1B61 ' /proc/net/tcp; do sleep 0.05; done`
    const slow = 'tc qdisc add dev lo root tbf rate 1mbit burst 16kb latency 400ms'
    const run = await checkBehind([server, slow], ['--only', 'large'], { target: 'discard://127.0.0.1:7009' })
    expect(verdicts(run)).toEqual({ large: 'failed: timeout' })
    // The kernel also accepts a part of the last write, which counts only once it is complete.
    const sentBytes = Number(result(run, 'large', 'failed').figures.sentBytes)
    expect(sentBytes + LAST_WRITE_BYTES).toBeGreaterThanOrEqual(statSync(received).size)
    expect(sentBytes).toBeGreaterThan(0)
    expect(sentBytes).toBeLessThan(4 * 2 ** 20)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
