import { X509Certificate } from 'node:crypto'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterEach, beforeEach, expect } from '@jest/globals'
import { type Certificate, Certificates } from './support/certificates.ts'
import { startClient } from './support/client.ts'
import { type RunningServer, startServer } from './support/server.ts'
import { testWith } from './support/tool.ts'
import { until } from './support/until.ts'

let roots: Certificates
let folder: string
let files: Certificate

beforeEach(() => {
  roots = new Certificates()
  folder = roots.folder
  files = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') }
  put(roots.issue())
})
afterEach(() => roots[Symbol.dispose]())

/** As an editor or `cp` does it: one file after the other, in place. */
function put({ cert, key }: Certificate): void {
  copyFileSync(cert, files.cert)
  copyFileSync(key, files.key)
}

const start = (protocol = 'greet'): Promise<RunningServer> =>
  startServer(`${protocol}+tls://127.0.0.1:0?cert=${files.cert}&key=${files.key}`)

const serialOf = ({ cert }: Certificate) => new X509Certificate(readFileSync(cert)).serialNumber

/** The serial number of the certificate that a new connection is shown. */
function shown(server: RunningServer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      { port: server.port(), host: '127.0.0.1', servername: 'localhost', ca: readFileSync(roots.ca) },
      () => {
        resolve(socket.getPeerX509Certificate()?.serialNumber ?? '')
        socket.destroy()
      },
    )
    socket.once('error', reject)
  })
}

testWith('openssl', 'replacing certificates repeatedly under load loses no exchange', async () => {
  await using server = await start('probe')
  const target = `probe+tls://localhost:${server.port()}`
  await using client = await startClient(`${target}?ca=${roots.ca}&interval=50ms&connections=4&fresh=true&timeout=60s`)
  await client.log({ msg: 'first reply' })
  for (let turn = 1; turn <= 2; turn++) {
    const next = roots.issue()
    put(next)
    await until(`turn ${turn}`, async () => (await shown(server)) === serialOf(next))
  }
  await until('many exchanges', async () => (await client.metric('tcp_client_exchanges_total')) > 200)
  const { [target]: totals } = await client.stop()
  expect(totals).toMatchObject({ exchangeFailures: {}, connectionFailures: {}, outages: {}, countersDiffered: 0 })
  await until('a line for each', () => server.logged({ msg: 'certificates reloaded' }).length >= 2)
})

testWith('openssl', 'unusable files are logged, and the previous ones stay in use', async () => {
  await using server = await start()
  const before = await shown(server)
  const expiry = await server.metric('tcp_server_certificate_expiry_timestamp_seconds')
  expect(expiry).toBe(new X509Certificate(readFileSync(files.cert)).validToDate.getTime() / 1_000)

  const next = roots.issue()
  copyFileSync(next.key, files.key)
  const line = await server.log({ msg: 'could not reload certificates; the previous ones stay in use' })
  expect(line).toMatchObject({
    level: 'error',
    error: { message: expect.stringContaining('does not match the certificate') },
  })
  expect(await shown(server)).toBe(before)
  writeFileSync(files.cert, 'rubbish')
  await until('another line', () => server.logged({ level: 'error' }).length === 2)
  expect(await server.metric('tcp_server_certificate_reload_failures_total')).toBe(2)
  expect(server.logged({ level: 'error' })[1]).toMatchObject({
    error: { message: `cert ${files.cert}: not a PEM certificate` },
  })
  expect(await shown(server)).toBe(before)
  put(next)
  await server.log({ msg: 'certificates reloaded' })
  expect(await shown(server)).toBe(serialOf(next))
})

testWith('openssl', 'SIGHUP reloads them immediately, without affecting open connections', async () => {
  await using server = await start()
  const target = `greet+tls://localhost:${server.port()}`
  await using client = await startClient(`${target}?ca=${roots.ca}&interval=20ms`)
  await client.log({ msg: 'first reply' })
  server.kill('SIGHUP')
  await server.log({ msg: 'certificates reloaded' })
  const { [target]: totals } = await client.stop()
  expect(totals).toMatchObject({ connectionAttempts: 1, exchangeFailures: {} })
})

testWith('openssl', 'the client counts roots that it cannot load, and uses new ones for new connections', async () => {
  using others = new Certificates('the next root')
  const ca = join(folder, 'ca.pem')
  copyFileSync(roots.ca, ca)
  const next = others.issue()
  await using server = await startServer(`greet+tls://127.0.0.1:0?cert=${next.cert}&key=${next.key}`)
  await using client = await startClient(`greet+tls://localhost:${server.port()}?ca=${ca}`)
  await client.log({ msg: 'target is not up yet', reason: 'tls' })
  expect(await client.metric('tcp_client_certificate_reload_failures_total')).toBe(0)
  writeFileSync(ca, 'rubbish')
  expect(await client.log({ msg: 'could not reload certificates; the previous ones stay in use' })).toMatchObject({
    level: 'error',
    error: { message: `ca ${ca}: not a PEM certificate` },
  })
  expect(await client.metric('tcp_client_certificate_reload_failures_total')).toBe(1)
  copyFileSync(others.ca, ca)
  await client.log({ msg: 'target is up' })
  const { events } = JSON.parse((await client.page('/events?kind=certificates_loaded')).text)
  expect(events).toHaveLength(1)
})
