import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { expect } from '@jest/globals'
import { type Certificate, Certificates } from './support/certificates.ts'
import { startClient } from './support/client.ts'
import { MountedSecret } from './support/mounted-secret.ts'
import { startServer } from './support/server.ts'
import { testWith } from './support/tool.ts'
import { until } from './support/until.ts'

/** The files of a Secret for one of the programs. */
const secret = ({ cert, key }: Certificate, ca: string) => ({ 'tls.crt': cert, 'tls.key': key, 'ca.crt': ca })

const serialOf = ({ cert }: Certificate) => new X509Certificate(readFileSync(cert)).serialNumber

/** Connects with a client certificate: the serial number of the server's certificate, or undefined if the server does not accept it. */
function shown(port: number, { cert, key }: Certificate, ca: string): Promise<string | undefined> {
  const [certPem, keyPem, caPem] = [cert, key, ca].map(path => readFileSync(path))
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', cert: certPem, key: keyPem, ca: caPem }, () =>
      socket.write('hi\n'),
    )
    // With TLS 1.3, a client learns only after its handshake that its certificate was rejected.
    socket.once('data', () => {
      resolve(socket.getPeerX509Certificate()?.serialNumber)
      socket.destroy()
    })
    socket.on('error', () => {})
    socket.once('close', () => resolve(undefined))
  })
}

testWith(
  'openssl',
  'Secrets that Kubernetes updates replace the certificates and the CA of both programs under load without a failed exchange',
  async () => {
    using old = new Certificates('the old root')
    using next = new Certificates('the next root')
    const bothRoots = join(old.folder, 'both.pem')
    writeFileSync(bothRoots, readFileSync(old.ca, 'utf8') + readFileSync(next.ca, 'utf8'))
    const [oldServer, oldClient, nextServer, nextClient] = [old.issue(), old.issue(), next.issue(), next.issue()]
    const ofServer = new MountedSecret(join(old.folder, 'server'), secret(oldServer, old.ca))
    const ofClient = new MountedSecret(join(old.folder, 'client'), secret(oldClient, old.ca))
    const options = (mount: MountedSecret) =>
      `cert=${mount.path('tls.crt')}&key=${mount.path('tls.key')}&ca=${mount.path('ca.crt')}`

    await using server = await startServer(`greet+tls://127.0.0.1:0?client-cert=require&${options(ofServer)}`)
    const target = `greet+tls://localhost:${server.port()}`
    await using client = await startClient(`${target}?${options(ofClient)}&connections=2&interval=50ms&fresh=true&timeout=60s`)
    await client.log({ msg: 'first reply' })
    const replaceBoth = async (turn: number, serverFiles: Record<string, string>, clientFiles: Record<string, string>) => {
      ofServer.update(serverFiles)
      ofClient.update(clientFiles)
      // A program that notices one file late reloads twice, so a number of lines does not show which files are in use.
      const updated = new Date().toISOString()
      const reloads = [server, client].map(service => () => service.logged({ msg: 'certificates reloaded' }))
      await until(`reload ${turn} of both`, () => reloads.every(lines => lines().some(({ time }) => time > updated)))
      const exchanges = await client.metric('tcp_client_exchanges_total')
      await until('more exchanges', async () => (await client.metric('tcp_client_exchanges_total')) > exchanges + 20)
    }

    // As docs/kubernetes.md says: both CAs first, then the certificates, then only the new CA.
    await replaceBoth(1, secret(oldServer, bothRoots), secret(oldClient, bothRoots))
    expect(await shown(server.port(), oldClient, bothRoots)).toBe(serialOf(oldServer))
    await replaceBoth(2, secret(nextServer, bothRoots), secret(nextClient, bothRoots))
    expect(await shown(server.port(), oldClient, bothRoots)).toBe(serialOf(nextServer))
    await replaceBoth(3, secret(nextServer, next.ca), secret(nextClient, next.ca))
    // Whoever connects now has the new certificate, and so the client does.
    expect(await shown(server.port(), oldClient, bothRoots)).toBeUndefined()
    expect(await shown(server.port(), nextClient, next.ca)).toBe(serialOf(nextServer))

    const { [target]: totals } = await client.stop()
    expect(totals).toMatchObject({ exchangeFailures: {}, connectionFailures: {}, outages: {} })
    expect(await server.metric('tcp_server_certificate_reload_failures_total')).toBe(0)
  },
)
