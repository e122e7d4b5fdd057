import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:tls'
import { expect } from '@jest/globals'
import { Certificates } from './support/certificates.ts'
import { startServer } from './support/server.ts'
import { testWith } from './support/tool.ts'
import { until } from './support/until.ts'

const KIBIBYTE = 1_024

/** What `tcp_server_buffered_bytes` comes to when a peer sends and does not read. */
async function bufferedBytes(maxBuffered: string, leastBytes = 0): Promise<number> {
  using roots = new Certificates()
  const { cert, key } = roots.issue()
  await using server = await startServer(`echo+tls://127.0.0.1:0?cert=${cert}&key=${key}&max-buffered=${maxBuffered}`)
  const socket = connect({ port: server.port(), host: 'localhost', ca: readFileSync(roots.ca) }).on('error', () => {})
  try {
    await once(socket, 'secureConnect')
    socket.pause()
    socket.write(Buffer.alloc(48 * 1_024 * KIBIBYTE))
    await until('a pause', async () => (await server.metric('tcp_server_read_pauses_total')) > 0)
    // Reading also pauses before the kernel's own buffers are full: what counts is where it comes to rest.
    let bytes = -1
    let sameTimes = 0
    await until('the buffer to come to rest', async () => {
      const now = await server.metric('tcp_server_buffered_bytes')
      sameTimes = now === bytes && now > leastBytes ? sameTimes + 1 : 0
      bytes = now
      return sameTimes >= 10
    })
    return bytes
  } finally {
    socket.destroy()
  }
}

testWith('openssl', 'max-buffered limits the output buffered under TLS, for large and small values', async () => {
  // It comes to rest at most one write, which may still be under way, below the limit, and one record of TLS above it.
  const large = await bufferedBytes('8MiB', (8 * 1_024 - 64) * KIBIBYTE)
  expect(large).toBeLessThanOrEqual((8 * 1_024 + 16) * KIBIBYTE)
  expect(await bufferedBytes('16KiB')).toBeLessThanOrEqual((16 + 16) * KIBIBYTE)
})
