import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { hasIpv6 } from '../../../tests/process/support/ipv6.ts'
import { until } from '../../../tests/process/support/until.ts'
import { KernelListeners } from './kernel-listeners.ts'

test.each(['127.0.0.1', ...(hasIpv6 ? ['::1', '::'] : [])])('finds a listener on %s', async host => {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const { address, port } = server.address() as AddressInfo
  const [found, other] = await new KernelListeners().find([
    { address, port },
    { address: '127.0.0.9', port },
  ])
  expect(found).toMatchObject({ state: 10, unreadBytes: 0 })
  expect(other).toBeUndefined()
  server.close()
})

test('shows the connections that a process has not accepted', async () => {
  const script = "const s = require('node:net').createServer().listen(0, '127.0.0.1', () => console.log(s.address().port))"
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const [line] = await once(child.stdout, 'data')
    const port = Number(line)
    child.kill('SIGSTOP')
    await until('the process to stop', async () => / T /.test(await readFile(`/proc/${child.pid}/stat`, 'utf8')))
    const sockets = [1, 2, 3].map(() => connect(port, '127.0.0.1'))
    await Promise.all(sockets.map(socket => once(socket, 'connect')))
    // A connection is open for this end before the other one has received the last segment of the handshake.
    const listener = await until('three connections', async () => {
      const [row] = await new KernelListeners().find([{ address: '127.0.0.1', port }])
      return row?.unreadBytes === 3 && row
    })
    for (const socket of sockets) socket.destroy()
    expect(listener.state).toBe(10)
  } finally {
    child.kill('SIGKILL')
  }
})

const HEADER = '  sl  local_address\n'

/** A row of a socket on 127.0.0.1. */
const row = (index: number, port: number, state: string, waiting: number) =>
  `${String(index).padStart(4)}: 0100007F:${port.toString(16).toUpperCase()} 00000000:0000 ${state} 00000000:${waiting.toString(16).padStart(8, '0')} 00:00000000 00000000` +
  '  1000        0 3692 1 000000001ec3f4f1 100 0 0 10 0\n'

test.each([[[0, 5, 2]], [[5, 2, 0]], [[2, 0, 5]]])(
  'of listeners that share a port with queues of %j, finds the longest',
  async queues => {
    const folder = await mkdtemp(join(tmpdir(), 'nihao-'))
    await writeFile(join(folder, 'tcp'), HEADER + queues.map((waiting, index) => row(index, 10_000, '0A', waiting)).join(''))
    const [found] = await new KernelListeners(folder).find([{ address: '127.0.0.1', port: 10_000 }])
    expect(found?.unreadBytes).toBe(5)
    await rm(folder, { recursive: true })
  },
)

test('finds all listeners of a large table, and none where the platform has no table', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'nihao-'))
  const rows = Array.from({ length: 10_000 }, (_, index) => row(index, 10_000 + index, index < 2_000 ? '0A' : '01', index))
  await writeFile(join(folder, 'tcp'), HEADER + rows.join(''))
  const wanted = [0, 1_999].map(index => ({ address: '127.0.0.1', port: 10_000 + index }))
  const found = await new KernelListeners(folder).find(wanted)
  expect(found.map(row => row?.unreadBytes)).toEqual([0, 1_999])
  expect(await new KernelListeners('/nonexistent').find(wanted)).toEqual([undefined, undefined])
  await rm(folder, { recursive: true })
})
