import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:tls'
import { expect } from '@jest/globals'
import { Certificates } from './support/certificates.ts'
import { startServer } from './support/server.ts'
import { testWith } from './support/tool.ts'
import { until } from './support/until.ts'

const KIBIBYTE = 1_024
const MEBIBYTE = 1_024 * KIBIBYTE
/** Of a TLS record: what the server reads at a time. */
const RECORD_BYTES = 16 * KIBIBYTE

/** The most that `tcp_server_buffered_bytes` comes to when a peer sends and does not read, and the bytes received by then. */
async function flood(maxBuffered: string): Promise<{ bufferedBytes: number; receivedBytes: number }> {
  using roots = new Certificates()
  const { cert, key } = roots.issue()
  await using server = await startServer(`echo+tls://127.0.0.1:0?cert=${cert}&key=${key}&max-buffered=${maxBuffered}`)
  const socket = connect({ port: server.port(), host: '127.0.0.1', servername: 'localhost', ca: readFileSync(roots.ca) }).on(
    'error',
    () => {},
  )
  try {
    await once(socket, 'secureConnect')
    socket.pause()
    socket.write(Buffer.alloc(48 * MEBIBYTE))
    let bufferedBytes = 0
    const buffered = async () => {
      const bytes = await server.metric('tcp_server_buffered_bytes')
      bufferedBytes = Math.max(bufferedBytes, bytes)
      return bytes
    }
    await until('a pause', async () => {
      await buffered()
      return (await server.metric('tcp_server_read_pauses_total')) > 0
    })
    // Without a limit, it grows further meanwhile.
    let lastBytes = -1
    let sameTimes = 0
    await until('the buffer to come to rest', async () => {
      const bytes = await buffered()
      sameTimes = bytes === lastBytes ? sameTimes + 1 : 0
      lastBytes = bytes
      return sameTimes >= 10
    })
    return { bufferedBytes, receivedBytes: await server.metric('tcp_server_received_bytes_total') }
  } finally {
    socket.destroy()
  }
}

testWith('openssl', 'max-buffered limits the output buffered under TLS, for large and small values', async () => {
  const large = await flood('16MiB')
  // Reading pauses above the limit, so that much has been received by then. How much of it the kernel takes later is up to the kernel.
  expect(large.receivedBytes).toBeGreaterThan(16 * MEBIBYTE)
  expect(large.bufferedBytes).toBeLessThanOrEqual(16 * MEBIBYTE + RECORD_BYTES)
  const small = await flood('16KiB')
  expect(small.bufferedBytes).toBeLessThanOrEqual(16 * KIBIBYTE + RECORD_BYTES)
})
