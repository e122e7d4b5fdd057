import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { hasIpv6 } from '../../../tests/process/support/ipv6.ts'
import { listen } from './listen.ts'

let server: Server
beforeEach(() => {
  server = createServer(socket => socket.end())
})
afterEach(() => {
  server.close()
})

const reaches = (host: string) =>
  new Promise<boolean>(resolve => {
    const socket = connect((server.address() as AddressInfo).port, host, () => socket.destroy())
    socket.once('error', () => resolve(false)).once('close', () => resolve(true))
  })

describe('all addresses', () => {
  test.each([[''], ['::']])('%j means IPv4 and, if available, IPv6', async host => {
    await listen(server, { host, port: 0 }, 'anywhere')
    expect([await reaches('127.0.0.1'), await reaches('::1')]).toEqual([true, hasIpv6])
  })

  test('are not used if an address is given', async () => {
    await listen(server, { host: '127.0.0.1', port: 0 }, 'loopback')
    // Another program may listen on the same port of ::1.
    expect(server.address()).toMatchObject({ address: '127.0.0.1', family: 'IPv4' })
    expect(await reaches('127.0.0.1')).toBe(true)
  })
})

describe('an unusable address', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nihao-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const failure = (options: Parameters<typeof listen>[1]) => listen(server, options, 'x').then(() => 'listening', String)

  test('of another machine', async () => {
    expect(await failure({ host: '192.0.2.1', port: 0 })).toBe(
      "ListenError: can't listen on x: not an address of this machine (EADDRNOTAVAIL)",
    )
  })

  test('on a platform that does not support reuse-port', async () => {
    server.listen = () => {
      queueMicrotask(() => server.emit('error', Object.assign(new Error('listen ENOTSUP'), { code: 'ENOTSUP' })))
      return server
    }
    expect(await failure({ host: '127.0.0.1', port: 0, reusePort: true })).toBe(
      "ListenError: can't listen on x: this platform does not support reuse-port (ENOTSUP)",
    )
  })

  test('a Unix socket in a missing directory', async () => {
    expect(await failure({ path: join(folder, 'missing', 'x.sock') })).toBe(
      "ListenError: can't listen on x: no such directory (ENOENT)",
    )
  })

  test('a Unix socket at the path of a file', async () => {
    writeFileSync(join(folder, 'x.sock'), '')
    expect(await failure({ path: join(folder, 'x.sock') })).toBe(
      "ListenError: can't listen on x: the path exists and is not a socket (ENOTSOCK)",
    )
  })
})
