import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { hasIpv6 } from '../../../tests/process/support/ipv6.ts'
import { until } from '../../../tests/process/support/until.ts'
import { KernelSockets } from './kernel-sockets.ts'

/** A connection over loopback whose server does not read. */
async function connection(host: string) {
  const server = createServer({ pauseOnConnect: true }).listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const client = connect(port, host)
  await once(client, 'connect')
  const [peer] = await accepted
  return {
    client,
    peer,
    port,
    [Symbol.dispose]() {
      client.destroy()
      peer.destroy()
      server.close()
    },
  }
}

test.each(['127.0.0.1', ...(hasIpv6 ? ['::1'] : [])])('finds both ends of a connection over %s', async host => {
  using pair = await connection(host)
  const sockets = new KernelSockets()
  const idle = { state: 1, unacknowledgedBytes: 0, unreadBytes: 0, retransmissions: 0, probes: 0 }
  expect(await sockets.find(pair.client)).toMatchObject(idle)
  expect(await sockets.find(pair.peer)).toMatchObject(idle)
})

const withIpv6 = hasIpv6 ? test : test.skip

withIpv6('finds the server end of an IPv4 connection that a dual-stack listener accepted', async () => {
  const server = createServer().listen(0, '::')
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [peer] = await accepted
  expect(peer.localFamily).toBe('IPv6')
  expect(await new KernelSockets().find(peer)).toMatchObject({ state: 1 })
  client.destroy()
  peer.destroy()
  server.close()
})

test('shows bytes that the peer has not read, and its closed window', async () => {
  using pair = await connection('127.0.0.1')
  const sockets = new KernelSockets()
  pair.client.write('hello')
  await until('five unread bytes', async () => (await sockets.find(pair.peer))?.unreadBytes === 5)
  for (let chunks = 0; chunks < 400; chunks++) pair.client.write(Buffer.alloc(65_536))
  const row = await until('a closed window', async () => {
    const current = await sockets.find(pair.client)
    return current?.timer === 'window_probe' && current
  })
  expect(row.retransmissions).toBe(0)
  expect(row.unacknowledgedBytes).toBeGreaterThan(65_536)
})

test('returns undefined for a closed connection, and on a platform without a table', async () => {
  const { client, [Symbol.dispose]: dispose } = await connection('127.0.0.1')
  const { localAddress, localPort, remoteAddress, remotePort } = client
  dispose()
  const addresses = { localAddress, localPort: (localPort ?? 0) ^ 1, remoteAddress, remotePort }
  expect(await new KernelSockets().find(addresses)).toBeUndefined()
  using pair = await connection('127.0.0.1')
  expect(await new KernelSockets('/nonexistent').find(pair.client)).toBeUndefined()
})

test('finds one of ten thousand rows, and reads every column', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'nihao-'))
  const header = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
  const row = (index: number) =>
    `${String(index).padStart(4)}: 0100007F:${(10_000 + index).toString(16).toUpperCase()} 0200007F:04D2 02 00000005:00000007 01:000000C8 00000003` +
    '  1000        2 3692 2 000000001ec3f4f1 160 4 30 1 -1\n'
  await writeFile(join(folder, 'tcp'), header + Array.from({ length: 10_000 }, (_, index) => row(index)).join(''))
  const addresses = { localAddress: '127.0.0.1', localPort: 19_999, remoteAddress: '127.0.0.2', remotePort: 1_234 }
  expect(await new KernelSockets(folder).find(addresses)).toEqual({
    state: 2,
    unacknowledgedBytes: 5,
    unreadBytes: 7,
    timer: 'retransmission',
    retransmissions: 3,
    probes: 2,
    retransmissionTimeoutMs: 1_600,
    congestionWindow: 1,
  })
  await rm(folder, { recursive: true })
})

test('simultaneous callers share one read; a later one gets a newer read', async () => {
  const sockets = new KernelSockets()
  const together = [sockets.rows(), sockets.rows()]
  expect(together[0]).toBe(together[1])
  await Promise.all(together)
  expect(sockets.rows()).not.toBe(together[0])
})

test('callers that share a read continue a few at a time', async () => {
  const sockets = new KernelSockets('/nonexistent')
  const addresses = { localAddress: '127.0.0.1', localPort: 1, remoteAddress: '127.0.0.2', remotePort: 2 }
  let done = 0
  const perTurn: number[] = []
  let running = true
  const count = () => {
    if (done > 0) perTurn.push(done)
    done = 0
    if (running) setImmediate(count)
  }
  setImmediate(count)
  await Promise.all(Array.from({ length: 1_000 }, () => sockets.find(addresses).then(() => done++)))
  running = false
  await new Promise(resolve => setImmediate(resolve))
  expect(perTurn.reduce((sum, callers) => sum + callers, 0)).toBe(1_000)
  expect(Math.max(...perTurn)).toBeLessThanOrEqual(50)
})
