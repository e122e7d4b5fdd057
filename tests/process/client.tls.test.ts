import { afterAll, beforeAll, expect } from '@jest/globals'
import { type Certificate, Certificates } from './support/certificates.ts'
import { startClient } from './support/client.ts'
import { RunningProxy } from './support/proxy.ts'
import { ScriptedServer } from './support/scripted-server.ts'
import { type RunningServer, startServer } from './support/server.ts'
import { testWith } from './support/tool.ts'
import { until } from './support/until.ts'

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

const start = ({ cert, key }: Certificate, options = ''): Promise<RunningServer> =>
  startServer(`greet+tls://127.0.0.1:0?cert=${cert}&key=${key}${options}`, { env: { NIHAO_LOG_LEVEL: 'debug' } })

/** Why a target does not work: the reason, and the words that come with it. */
async function failureOf(target: string): Promise<{ reason: unknown; message: string; counted: number }> {
  // One request at a time: the server might answer a second one with RST instead.
  await using client = await startClient(target, { env: { NIHAO_INTERVAL: '1m' } })
  const { reason, error } = await client.log({ msg: 'target is not up yet' })
  const counted = await client.metric('tcp_client_connection_failures_total', { reason: String(reason) })
  return { reason, message: (error as { message: string } | undefined)?.message ?? '', counted }
}

testWith('openssl', 'the TLS handshake is a separate phase, and exchanges work as without TLS', async () => {
  await using server = await start(own, `&ca=${roots.ca}&client-cert=require&alpn=nihao`)
  const client = roots.issue({ host: 'client' })
  const target = `greet+tls://localhost:${server.port()}`
  await using running = await startClient(
    `${target}?ca=${roots.ca}&cert=${client.cert}&key=${client.key}&alpn=nihao&interval=20ms`,
  )
  await running.log({ msg: 'first reply', reply: '你好，张三' })
  expect(await running.metric('tcp_client_connect_duration_seconds_count', { phase: 'tls' })).toBeGreaterThan(0)
  const { [target]: totals } = await running.stop()
  expect(totals).toMatchObject({ connectionFailures: {}, exchangeFailures: {} })
  // A slow handshake is joined by another one, whose connection is abandoned.
  const sum = (field: string) =>
    server.logged({ msg: 'connection closed' }).reduce((bytes, line) => bytes + Number(line[field]), 0)
  await until('the server to count the same bytes', () => {
    const counted = [sum('receivedBytes'), sum('sentBytes')]
    return counted[0] === totals?.sentBytes && counted[1] === totals?.receivedBytes
  })
})

testWith('openssl', 'an untrusted server is reported with the reason', async () => {
  await using server = await start(own)
  const port = server.port()
  const stranger = await failureOf(`greet+tls://localhost:${port}?ca=${strangers.ca}`)
  expect(stranger).toMatchObject({ reason: 'tls', message: "the server's certificate was issued by an untrusted authority" })
  expect(stranger.counted).toBeGreaterThan(0)
  expect(await failureOf(`greet+tls://localhost:${port}?ca=${roots.ca}&servername=other.example`)).toMatchObject({
    reason: 'tls',
    message: expect.stringMatching(/other\.example.*localhost/s),
  })
  await using late = await start(roots.issue({ days: -1 }))
  expect(await failureOf(`greet+tls://localhost:${late.port()}?ca=${roots.ca}`)).toMatchObject({
    reason: 'tls',
    message: "the server's certificate has expired",
  })
})

testWith('openssl', 'plaintext and TLS on the wrong port are distinguished', async () => {
  await using tls = await start(own)
  await using plain = await startServer('greet://127.0.0.1:0')
  expect(await failureOf(`greet+tls://localhost:${plain.port()}?ca=${roots.ca}`)).toMatchObject({
    reason: 'tls',
    message: 'the server does not speak TLS',
  })
  // nihao-server sends nothing in reply to plaintext; others send an alert.
  expect((await failureOf(`greet://127.0.0.1:${tls.port()}`)).reason).toBe('eof')
  await using other = await ScriptedServer.listen(socket => {
    socket.once('data', () => socket.end(Buffer.from('15030100020246', 'hex'))) // fatal: protocol_version
  })
  const { reason, message } = await failureOf(`greet://127.0.0.1:${other.port}`)
  expect(reason).toBe('mismatch')
  expect(message).toContain('the server speaks TLS')
})

testWith('openssl', 'a missing client certificate is reported', async () => {
  await using server = await start(own, `&ca=${roots.ca}&client-cert=require`)
  const { reason, message } = await failureOf(`greet+tls://localhost:${server.port()}?ca=${roots.ca}`)
  expect({ reason, message }).toEqual({ reason: 'tls', message: 'the server requires a client certificate' })
})

testWith('openssl', 'an unanswered handshake is a timeout, an interrupted one is eof or reset', async () => {
  await using silent = await ScriptedServer.listen(() => {})
  expect((await failureOf(`greet+tls://127.0.0.1:${silent.port}?timeout=300ms`)).reason).toBe('timeout')
  silent.become(socket => {
    socket.once('data', () => socket.end())
  })
  expect(await failureOf(`greet+tls://127.0.0.1:${silent.port}`)).toMatchObject({
    reason: 'eof',
    message: 'the server closed the connection during the TLS handshake',
  })
  silent.become(socket => {
    socket.once('data', () => socket.resetAndDestroy())
  })
  expect((await failureOf(`greet+tls://127.0.0.1:${silent.port}`)).reason).toBe('reset')
})

testWith('nginx', 'nginx terminates TLS in front of greet and sends the address of the client', async () => {
  await using server = await startServer('greet://127.0.0.1:0?proxy=v1&trusted-proxies=127.0.0.1')
  const certificate = `ssl_certificate ${own.cert}; ssl_certificate_key ${own.key};`
  const nginx = `${certificate} proxy_pass 127.0.0.1:${server.port()}; proxy_protocol on;`
  await using proxy = await RunningProxy.nginx('ssl', nginx)
  const target = `greet+tls://localhost:${proxy.port}`
  await using client = await startClient(`${target}?ca=${roots.ca}&interval=20ms`)
  await client.log({ msg: 'first reply' })
  await until('the server to see the port of the client', async () => {
    const ports = (await client.connections()).map(({ localAddress }) => localAddress.split(':').pop()).join()
    const seen = (await server.connections()).connections.map(({ remotePort }) => remotePort).join()
    return ports !== '' && seen === ports
  })
  const { [target]: totals } = await client.stop()
  expect(totals).toMatchObject({ connectionFailures: {}, exchangeFailures: {} })
})
