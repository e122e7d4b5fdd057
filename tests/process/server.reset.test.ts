import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { Peer } from './support/peer.ts'
import { type RunningServer, startServer } from './support/server.ts'
import { until } from './support/until.ts'

/** A write takes queued reads, of 64 KiB at most, until it has 64 KiB: it has less than twice as much. */
const WRITE_BYTES = 2 * 65_536

/** Bytes in the kernel's queues of the connection between two ports of 127.0.0.1, seen from the first. */
function queuedBytes(localPort: number, remotePort: number): { sending: number; receiving: number } {
  const hex = (port: number) => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const row = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .find(line => line.includes(`${hex(localPort)} ${hex(remotePort)} `))
  const [, sending = '', receiving = ''] = /^ *\S+ \S+ \S+ \S+ (\w+):(\w+)/.exec(row ?? '') ?? []
  return { sending: Number.parseInt(sending, 16), receiving: Number.parseInt(receiving, 16) }
}

const isStopped = ({ pid }: RunningServer) => /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))

test.each([
  ['echo', ''],
  ['echo', '?max-buffered=8MiB'],
  ['greet', ''],
])(
  'after a reset by a peer that did not read, %s%s reports exactly the bytes of the writes it sent',
  async (protocol, options) => {
    await using server = await startServer(`${protocol}://127.0.0.1:0${options}`)
    await using peer = await Peer.connect(server.port(), { reading: false })
    peer.send(Buffer.alloc(48 * 2 ** 20, 'x'))
    await until('a pause', async () => (await server.metric('tcp_server_read_pauses_total')) > 0)

    // While the process stands still, its peer takes all that its kernel had taken from it.
    server.kill('SIGSTOP')
    await until('the server to stop', () => isStopped(server))
    peer.read()
    await until('the queues to be empty', () => {
      const { sending } = queuedBytes(server.port(), peer.port)
      return sending === 0 && queuedBytes(peer.port, server.port()).receiving === 0
    })
    let arrivedBytes = -1
    await until('the last bytes', () => {
      const isLast = peer.bytes.length === arrivedBytes
      arrivedBytes = peer.bytes.length
      return isLast
    })
    peer.reset()
    server.kill('SIGCONT')

    const { reason, sentBytes, unsentBytes, receivedBytes } = await server.log({ msg: 'connection closed' })
    expect(reason).toBe('reset')
    expect(sentBytes).toBeLessThanOrEqual(arrivedBytes)
    expect(arrivedBytes - Number(sentBytes)).toBeLessThan(WRITE_BYTES)
    expect(Number(sentBytes) + Number(unsentBytes)).toBeGreaterThanOrEqual(arrivedBytes)
    expect(Number(sentBytes) + Number(unsentBytes)).toBeLessThanOrEqual(Number(receivedBytes) + Buffer.byteLength('你好，'))
    expect(await server.metric('tcp_server_sent_bytes_total')).toBe(sentBytes)
    expect(await server.metric('tcp_server_buffered_bytes')).toBe(0)
  },
)

test('a terminated slow reader gets exactly the bytes of the writes reported as sent', async () => {
  // chargen reads nothing that would turn the close into a reset, so the kernel delivers what it has taken.
  await using server = await startServer('chargen://127.0.0.1:0?slow-reader-timeout=300ms', { env: { NIHAO_LOG_LEVEL: 'debug' } })
  await using peer = await Peer.connect(server.port(), { reading: false })
  const { reason, sentBytes, unsentBytes } = await server.log({ msg: 'connection closed' })
  expect(reason).toBe('slow_reader')
  peer.read()
  await peer.finished()
  expect(unsentBytes).toBeGreaterThan(0)
  expect(sentBytes).toBeLessThanOrEqual(peer.bytes.length)
  expect(Number(sentBytes) + Number(unsentBytes)).toBeGreaterThanOrEqual(peer.bytes.length)
})
