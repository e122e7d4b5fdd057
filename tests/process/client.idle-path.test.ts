import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import { Background } from './support/background.ts'
import { IdleClient, type IdleReport } from './support/idle.ts'
import { Peer } from './support/peer.ts'
import { echo, freePort, ScriptedServer } from './support/scripted-server.ts'
import { testWith } from './support/tool.ts'
import { DEADLINE_MS, until } from './support/until.ts'

/** Between two rungs by more than any pause of a busy machine. */
const TIMEOUT_MS = 4_000

/** The configuration of haproxy with its idle timeout for TCP. */
const haproxyConfig = (port: number, serverPort: number) => `
defaults
  mode tcp
  timeout connect 30s
  timeout client ${TIMEOUT_MS}ms
  timeout server ${TIMEOUT_MS}ms
listen echo
  bind 127.0.0.1:${port}
  server one 127.0.0.1:${serverPort}
`

describe('a proxy between', () => {
  const closes = async () => {
    await using server = await ScriptedServer.listen(echo)
    const port = await freePort()
    const folder = await mkdtemp(join(tmpdir(), 'nihao-haproxy-'))
    try {
      const file = join(folder, 'haproxy.cfg')
      await writeFile(file, haproxyConfig(port, server.port))
      await using _proxy = new Background('haproxy', ['-db', '-f', file])
      await until('haproxy to listen', async () => {
        const peer = await Peer.connect(port).catch(() => undefined)
        await peer?.[Symbol.asyncDispose]()
        return peer !== undefined
      })

      await using client = new IdleClient(`echo://127.0.0.1:${port}`, { NIHAO_RUNGS: '100ms,300ms,30s', NIHAO_KEEP_ALIVE: '1s' })
      const { code, ladders } = await client.reported()
      expect(code).toBe(1)
      expect(ladders).toHaveLength(2)
      // A proxy sees only data; keep-alive probes have none.
      for (const { longestSurvivorMs, firstDeath } of ladders) {
        expect(longestSurvivorMs).toBe(300)
        expect(firstDeath).toMatchObject({ death: 'FIN', noticed: 'silence' })
        // The silence of the client begins with the reply, which may be read late.
        expect(firstDeath?.silentMs).toBeGreaterThan(TIMEOUT_MS - 3_000)
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  }
  testWith('haproxy', 'that closes idle connections: FIN, with or without keep-alive', closes, test.concurrent)
})

/**
 * A separate network namespace whose firewall drops the state of connections that are idle for four seconds, as a NAT gateway does, and
 * does not recognize their later packets.
 */
const forgetfulPath = (verdict: string) => `
  ip link set lo up
  sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0 net.netfilter.nf_conntrack_tcp_timeout_established=${TIMEOUT_MS / 1_000}
  iptables -A INPUT -p tcp --dport 7007 -m conntrack --ctstate INVALID -j ${verdict}
  socat TCP-LISTEN:7007,fork,reuseaddr,backlog=128,bind=127.0.0.1 EXEC:cat &
  until socat -u OPEN:/dev/null TCP:127.0.0.1:7007 2>/dev/null; do sleep 0.05; done
  "$0" --conditions=source services/client/src/main.ts idle --report json echo://127.0.0.1:7007
`

async function climb(verdict: string): Promise<IdleReport> {
  const args = ['--net', '--pid', '--fork', '--kill-child', 'sh', '-c', forgetfulPath(verdict), process.execPath]
  const env = { PATH: process.env.PATH, NIHAO_RUNGS: '100ms,300ms,8s', NIHAO_KEEP_ALIVE: '1s', NIHAO_TIMEOUT: '4s' }
  // The exit code is 1, because connections died.
  const { stdout } = await promisify(execFile)('unshare', args, { env, timeout: DEADLINE_MS }).catch(error => error)
  return JSON.parse(stdout)
}

describe('a path that drops the state of idle connections', () => {
  const silence = async () => {
    const [without, kept] = (await climb('DROP')).ladders
    expect(without).toMatchObject({ keepAliveMs: null, longestSurvivorMs: 300 })
    expect(without?.firstDeath).toMatchObject({ death: 'silence', noticed: 'exchange' })
    expect(kept).toMatchObject({ keepAliveMs: 1_000, longestSurvivorMs: 8_000, firstDeath: null })
  }
  const reset = async () => {
    const [without, kept] = (await climb('REJECT --reject-with tcp-reset')).ladders
    expect(without).toMatchObject({ keepAliveMs: null, longestSurvivorMs: 300 })
    expect(without?.firstDeath).toMatchObject({ death: 'RST', noticed: 'exchange' })
    expect(kept).toMatchObject({ keepAliveMs: 1_000, longestSurvivorMs: 8_000, firstDeath: null })
  }
  const prevention = 'noticed only at the exchange; keep-alive prevents it'
  testWith('unshare', `and drops later packets: silence, ${prevention}`, silence, test.concurrent)
  testWith('unshare', `and rejects later packets: RST, ${prevention}`, reset, test.concurrent)
})
