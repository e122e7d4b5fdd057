import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Certificate, Certificates } from './support/certificates.ts'
import { Peer, Peers } from './support/peer.ts'
import { type RunningServer, startServer } from './support/server.ts'
import { talk, testWith } from './support/tool.ts'
import { DEADLINE_MS, until } from './support/until.ts'

let roots: Certificates
let strangers: Certificates
let own: Certificate

beforeAll(() => {
  roots = new Certificates()
  strangers = new Certificates('another root')
  own = roots.issue()
})
afterAll(() => {
  roots[Symbol.dispose]()
  strangers[Symbol.dispose]()
})

function startTls(options = '', protocol = 'greet'): Promise<RunningServer> {
  const files = `cert=${own.cert}&key=${own.key}`
  return startServer(`${protocol}+tls://127.0.0.1:0?${files}${options}`, { env: { NIHAO_LOG_LEVEL: 'debug' } })
}

/** Sends a line with openssl, and half-closes after the reply. */
async function openssl(port: number, ...args: string[]): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const connect = ['s_client', '-connect', `127.0.0.1:${port}`, '-CAfile', roots.ca, '-verify_return_error']
  const child = spawn('openssl', [...connect, '-quiet', '-no_ign_eof', ...args], { timeout: DEADLINE_MS })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    if (text.includes('\n')) child.stdin.end()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdin.on('error', () => {}).write('张三\n')
  const [status] = await once(child, 'close')
  return { status, stdout, stderr }
}

const clientCertificate = ({ cert, key }: Certificate) => ['-cert', cert, '-key', key]

async function failuresOf(server: RunningServer): Promise<Record<string, number>> {
  const samples = [...(await server.scrape())].filter(([series]) => series.startsWith('tcp_server_tls_handshake_failures_total'))
  return Object.fromEntries(
    samples.filter(([, count]) => count > 0).map(([series, count]) => [/reason="(\w+)"/.exec(series)?.[1] ?? '', count]),
  )
}

describe('TLS', () => {
  testWith('openssl', 'openssl is greeted over TLS 1.2 and 1.3, but not over older versions', async () => {
    await using server = await startTls()
    expect(await openssl(server.port(), '-tls1_2')).toMatchObject({ status: 0, stdout: '你好，张三\n' })
    expect(await openssl(server.port(), '-tls1_3')).toMatchObject({ status: 0, stdout: '你好，张三\n' })
    expect(await server.metric('tcp_server_tls_handshake_duration_seconds_count')).toBe(2)
    expect(await failuresOf(server)).toEqual({})

    const old = await openssl(server.port(), '-tls1_1', '-cipher', 'DEFAULT:@SECLEVEL=0')
    expect(old.status).toBe(1)
    expect(old.stderr).toMatch(/alert protocol version/)
    await server.log({ msg: 'TLS handshake failed', reason: 'version' })
    expect(await failuresOf(server)).toEqual({ version: 1 })
    expect(await server.metric('tcp_server_connections_closed_total', { reason: 'tls_error' })).toBe(1)
    expect(await server.metric('tcp_server_connections_opened_total')).toBe(3)
  })

  testWith('openssl', 'every kind of handshake failure has its own reason', async () => {
    await using server = await startTls('&alpn=nihao')
    expect((await openssl(server.port(), '-tls1_2', '-cipher', 'AES128-SHA')).stderr).toMatch(/handshake failure/)
    await server.untilMetric('tcp_server_tls_handshake_failures_total', 1, { reason: 'cipher' })
    expect((await openssl(server.port(), '-CAfile', strangers.ca)).status).toBe(1)
    await server.untilMetric('tcp_server_tls_handshake_failures_total', 1, { reason: 'alert' })
    expect((await openssl(server.port(), '-alpn', 'another')).stderr).toMatch(/no application protocol/)
    await server.untilMetric('tcp_server_tls_handshake_failures_total', 1, { reason: 'other' })
    await using half = await Peer.connect(server.port())
    half.send(Buffer.from([0x16, 3, 1, 2]))
    half.end()
    await server.untilMetric('tcp_server_tls_handshake_failures_total', 1, { reason: 'closed' })
    await using cut = await Peer.connect(server.port())
    cut.send(Buffer.from([0x16, 3, 1, 2]))
    await server.untilMetric('tcp_server_connections_active', 1)
    cut.reset()
    await server.untilMetric('tcp_server_tls_handshake_failures_total', 2, { reason: 'closed' })
    expect(await failuresOf(server)).toEqual({ cipher: 1, alert: 1, other: 1, closed: 2 })
    expect(await server.metric('tcp_server_connection_duration_seconds_count')).toBe(5)
    expect(await openssl(server.port(), '-alpn', 'nihao')).toMatchObject({ status: 0, stdout: '你好，张三\n' })
  })

  test('plaintext is rejected at the first byte', async () => {
    await using server = await startTls('&handshake-timeout=1m')
    await using peer = await Peer.connect(server.port())
    peer.send('h')
    await until('the server to close', () => peer.closed || peer.fin)
    expect(peer.bytes.length).toBe(0)
    await server.log({ msg: 'TLS handshake failed', reason: 'not_tls', remotePort: peer.port })
    expect(await failuresOf(server)).toEqual({ not_tls: 1 })
  })

  testWith('openssl', 'a required client certificate must be from the right root and not expired', async () => {
    await using server = await startTls(`&ca=${roots.ca}&client-cert=require`)
    for (const version of ['-tls1_2', '-tls1_3']) {
      const good = await openssl(server.port(), version, ...clientCertificate(roots.issue({ host: 'client' })))
      expect(good).toMatchObject({ status: 0, stdout: '你好，张三\n' })
    }
    expect((await openssl(server.port())).stderr).toMatch(/alert certificate required/)
    await server.untilMetric('tcp_server_tls_handshake_failures_total', 1, { reason: 'client_certificate' })
    for (const wrong of [strangers.issue(), roots.issue({ days: -1 })]) {
      expect((await openssl(server.port(), ...clientCertificate(wrong))).stdout).toBe('')
    }
    await server.untilMetric('tcp_server_tls_handshake_failures_total', 3, { reason: 'client_certificate' })
    await until('their log lines', () => server.logged({ reason: 'client_certificate' }).length === 3)
    const codes = server.logged({ reason: 'client_certificate' }).map(({ error }) => (error as { code: string }).code)
    expect(codes).toEqual(['ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'CERT_HAS_EXPIRED'])
  })

  testWith('openssl', 'a requested client certificate may be missing, but must be valid', async () => {
    await using server = await startTls(`&ca=${roots.ca}&client-cert=request`)
    expect((await openssl(server.port())).stdout).toBe('你好，张三\n')
    expect((await openssl(server.port(), ...clientCertificate(roots.issue()))).stdout).toBe('你好，张三\n')
    expect((await openssl(server.port(), ...clientCertificate(strangers.issue()))).stdout).toBe('')
    await server.untilMetric('tcp_server_tls_handshake_failures_total', 1, { reason: 'client_certificate' })
  })

  testWith('socat', 'everything before a half-close is answered, 8 MiB of it', async () => {
    await using server = await startTls('', 'echo')
    const chunk = Buffer.alloc(65_536, 'nihao')
    const where = `OPENSSL:127.0.0.1:${server.port()},cafile=${roots.ca}`
    const reply = await talk('socat', ['-t', '30', '-', where], Array(128).fill(chunk))
    expect(reply.sizeBytes).toBe(128 * 65_536)
    const { reason, receivedBytes, sentBytes } = await server.log({ msg: 'connection closed' })
    expect({ reason, receivedBytes, sentBytes }).toEqual({
      reason: 'client_closed',
      receivedBytes: 128 * 65_536,
      sentBytes: 128 * 65_536,
    })
  })

  test('a close_notify without a FIN ends the connection after the last reply', async () => {
    await using server = await startTls()
    const accepted = connect({ port: server.port(), host: '127.0.0.1', allowHalfOpen: true })
    const socket = connectTls({ socket: accepted, ca: readFileSync(roots.ca), host: 'localhost' })
    let text = ''
    socket.on('data', data => {
      text += data
    })
    await once(socket, 'secureConnect')
    socket.end('a\nb\n')
    await once(socket, 'end')
    expect(text).toBe('你好，a\n你好，b\n')
    expect(await server.log({ msg: 'connection closed' })).toMatchObject({ reason: 'client_closed', messages: 2 })
  })

  test('handshakes under way count towards the limit, and their slots are freed', async () => {
    await using server = await startTls('&handshake-timeout=5m&max-connections=100')
    {
      await using _silent = await Peers.connect(100, server.port())
      await server.untilMetric('tcp_server_connections_active', 100)
      await using refused = await Peer.connect(server.port())
      await refused.finished()
      expect(await server.metric('tcp_server_connections_rejected_total', { reason: 'max_connections' })).toBe(1)
    }
    await server.untilMetric('tcp_server_connections_active', 0)
    expect((await openssl(server.port())).stdout).toBe('你好，张三\n')
  })

  test('handshakes that never end are terminated and take no memory', async () => {
    await using server = await startTls('&handshake-timeout=3s')
    const before = server.memory().residentBytes
    await using peers = await Peers.connect(500, server.port())
    // The announced record has 16 KiB, and arrives byte by byte.
    const record = Buffer.concat([Buffer.from('160301400001003ffc0303', 'hex'), Buffer.alloc(100)])
    const some = peers.all.filter((_, index) => index % 2 === 0)
    await peers.trickle(record, some)
    await server.untilMetric('tcp_server_tls_handshake_failures_total', 500, { reason: 'timeout' })
    await server.untilMetric('tcp_server_connections_active', 0)
    expect(server.memory().peakBytes - before).toBeLessThan(64 * 2 ** 20)
    expect((await openssl(server.port())).stdout).toBe('你好，张三\n')
  })

  test('a drain does not wait for handshakes', async () => {
    await using other = await startServer(`greet+tls://127.0.0.1:0?cert=${own.cert}&key=${own.key}&handshake-timeout=1m`, {
      env: { NIHAO_DRAIN_TIMEOUT: '300ms' },
    })
    await using _silent = await Peer.connect(other.port())
    await other.untilMetric('tcp_server_connections_active', 1)
    other.kill('SIGTERM')
    expect(await other.exit()).toMatchObject({ code: 0, stderr: '' })
    const [stopped] = other.logged({ msg: 'stopped' })
    expect(JSON.stringify(stopped)).toContain('"closed":{"drain_timeout":1}')
  })
})
