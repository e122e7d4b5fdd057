import dns from 'node:dns/promises'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { freePort } from '../../../../tests/process/support/scripted-server.ts'
import { dial } from './dial.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  jest.restoreAllMocks()
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

/** A server that accepts and then does nothing. */
async function listening(where: object = { host: '127.0.0.1', port: 0 }): Promise<{ server: Server; port: number }> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    socket.resume()
  }).listen(where)
  await once(server, 'listening')
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise(resolve => server.close(resolve))
  })
  return { server, port: (server.address() as AddressInfo | undefined)?.port ?? 0 }
}

/** Starts a listener that never accepts, with a full accept queue: the kernel answers no SYN. */
async function deaf(host: string, port = 0): Promise<number> {
  const code = `
    const { parentPort } = require('node:worker_threads')
    const server = require('node:net').createServer().listen({ host: '${host}', port: ${port}, backlog: 1 }, () => {
      parentPort.postMessage(server.address().port)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000)
    })`
  const worker = new Worker(code, { eval: true })
  cleanUps.push(() => worker.terminate())
  const [bound] = (await once(worker, 'message')) as [number]
  for (let queued = 0; queued < 4; queued++) {
    const socket = connect(bound, host).on('error', () => {})
    cleanUps.push(() => socket.destroy())
    const connected = once(socket, 'connect')
    // Linux queues one connection more than the backlog.
    if (queued < 2) await connected
    else if ((await Promise.race([connected, silence()])) === 'silence') return bound
  }
  throw new Error('the accept queue does not fill up')
}

/** A tenth of a second, and one turn of the event loop: a busy machine reports a handshake late. */
const silence = () => delay(100).then(() => nextTurn('silence' as const))

const never = new AbortController().signal

/** Dials, and keeps what was observed. */
function dialled(address: { host: string; port: number } | { path: string }, timeoutMs = 60_000, signal = never) {
  const phases: [phase: string, durationMs: number][] = []
  const socket = dial(address, { timeoutMs, signal, observe: (...phase) => phases.push(phase) }).then(socket => {
    cleanUps.push(() => socket.destroy())
    return socket
  })
  return { socket, phases }
}

/** Resolves every name to these addresses. */
function resolveTo(...addresses: string[]) {
  const all = addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 }))
  return jest.spyOn(dns, 'lookup').mockImplementation((async () => all) as never)
}

describe('dialling an address', () => {
  test('connects without a lookup, and allows half-open connections', async () => {
    const lookup = jest.spyOn(dns, 'lookup')
    const { port } = await listening()
    const { socket, phases } = dialled({ host: '127.0.0.1', port })
    const { remoteAddress, remotePort, allowHalfOpen } = await socket
    expect({ remoteAddress, remotePort, allowHalfOpen }).toEqual({
      remoteAddress: '127.0.0.1',
      remotePort: port,
      allowHalfOpen: true,
    })
    expect(phases).toEqual([['tcp', expect.any(Number)]])
    expect(phases[0]?.[1]).toBeGreaterThan(0)
    expect(lookup).not.toHaveBeenCalled()
  })

  test('accepts an IPv6 literal', async () => {
    const { port } = await listening({ host: '::1', port: 0 })
    expect((await dialled({ host: '::1', port }).socket).remoteAddress).toBe('::1')
  })

  test('accepts a Unix socket, and reports a missing one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nihao-'))
    cleanUps.push(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'socket')
    await expect(dialled({ path }).socket).rejects.toMatchObject({ code: 'ENOENT' })
    await listening({ path })
    const { socket, phases } = dialled({ path })
    expect((await socket).remoteAddress).toBeUndefined()
    expect(phases.map(([phase]) => phase)).toEqual(['tcp'])
  })

  test('without a listener is refused', async () => {
    const { socket, phases } = dialled({ host: '127.0.0.1', port: await freePort() })
    await expect(socket).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(phases).toEqual([])
  })

  test('without an answer to the SYN ends at the time limit', async () => {
    const port = await deaf('127.0.0.1')
    const startMs = performance.now()
    const { socket, phases } = dialled({ host: '127.0.0.1', port }, 200)
    await expect(socket).rejects.toMatchObject({
      code: 'ETIMEDOUT',
      message: `timed out after 200 ms connecting to 127.0.0.1:${port}`,
    })
    expect(performance.now() - startMs).toBeGreaterThan(195)
    expect(phases).toEqual([])
  })

  test('that succeeded while the client was busy is not late', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nihao-'))
    cleanUps.push(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'socket')
    await listening({ path })
    const { socket } = dialled({ path }, 10)
    for (const endMs = performance.now() + 20; performance.now() < endMs; );
    expect((await socket).destroyed).toBe(false)
  })

  test('is abandoned when the signal is aborted', async () => {
    const port = await deaf('127.0.0.1')
    const stopping = new AbortController()
    const { socket } = dialled({ host: '127.0.0.1', port }, 60_000, stopping.signal)
    const reason = new Error('stopping')
    setImmediate(() => stopping.abort(reason))
    await expect(socket).rejects.toBe(reason)
  })

  test('does not begin if the signal is already aborted', async () => {
    const { server, port } = await listening()
    const accepted: (number | undefined)[] = []
    server.on('connection', ({ remotePort }) => accepted.push(remotePort))
    const reason = new Error('stopping')
    await expect(dialled({ host: '127.0.0.1', port }, 60_000, AbortSignal.abort(reason)).socket).rejects.toBe(reason)
    const { localPort } = await dialled({ host: '127.0.0.1', port }).socket
    // Connections are accepted in the order in which they were made.
    while (!accepted.includes(localPort)) await nextTurn()
    expect(accepted).toEqual([localPort])
  })
})

describe('dialling a name', () => {
  test('in /etc/hosts reports both phases', async () => {
    const { port } = await listening()
    const { socket, phases } = dialled({ host: 'localhost', port })
    expect((await socket).remoteAddress).toBe('127.0.0.1')
    expect(phases).toEqual([
      ['dns', expect.any(Number)],
      ['tcp', expect.any(Number)],
    ])
  })

  // A label of 64 characters is no name: the resolver of the system refuses it without asking anyone.
  test('that does not exist', async () => {
    const { socket, phases } = dialled({ host: `${'a'.repeat(64)}.invalid`, port: 1 })
    await expect(socket).rejects.toMatchObject({ code: 'ENOTFOUND' })
    expect(phases).toEqual([])
  })

  test.each([
    ['IPv6, then IPv4', ['::1', '127.0.0.1']],
    ['IPv4 only', ['127.0.0.2', '127.0.0.3', '127.0.0.1']],
  ])('with several addresses of which the first refuse takes the one that does not: %s', async (_, addresses) => {
    resolveTo(...addresses)
    const { port } = await listening()
    expect((await dialled({ host: 'server', port }).socket).remoteAddress).toBe('127.0.0.1')
  })

  test('with several addresses of which one is silent leaves time for the next', async () => {
    // Each has a hundredth of the time: on a busy machine, the next one may need more than its own.
    resolveTo('127.0.0.2', ...Array(99).fill('127.0.0.1'))
    const { port } = await listening()
    await deaf('127.0.0.2', port)
    const startMs = performance.now()
    expect((await dialled({ host: 'server', port }, 60_000).socket).remoteAddress).toBe('127.0.0.1')
    expect(performance.now() - startMs).toBeGreaterThan(595)
  })

  test('with several addresses that all refuse is refused', async () => {
    resolveTo('::1', '127.0.0.1', '127.0.0.2')
    const port = await freePort()
    const { socket } = dialled({ host: 'server', port })
    await expect(socket).rejects.toMatchObject({
      code: 'ECONNREFUSED',
      message: ['::1', '127.0.0.1', '127.0.0.2'].map(address => `connect ECONNREFUSED ${address}:${port}`).join(', '),
    })
  })

  test('with several silent addresses ends at the time limit', async () => {
    resolveTo('127.0.0.2', '127.0.0.3')
    const port = await deaf('127.0.0.2')
    await deaf('127.0.0.3', port)
    await expect(dialled({ host: 'server', port }, 200).socket).rejects.toMatchObject({
      code: 'ETIMEDOUT',
      message: `timed out after 200 ms connecting to 127.0.0.2:${port}, 127.0.0.3:${port}`,
    })
  })
})

describe('looking up a name', () => {
  test('is shared by simultaneous dials, and repeated for later ones', async () => {
    const lookup = jest.spyOn(dns, 'lookup')
    const { port } = await listening()
    const dials = Array.from({ length: 100 }, () => dialled({ host: 'localhost', port }).socket)
    expect(new Set((await Promise.all(dials)).map(({ localPort }) => localPort)).size).toBe(100)
    expect(lookup).toHaveBeenCalledTimes(1)
    await dialled({ host: 'localhost', port }).socket
    expect(lookup).toHaveBeenCalledTimes(2)
  })

  test('fails for all of them, and is repeated for later ones', async () => {
    const gone = Object.assign(new Error('gone'), { code: 'EAI_AGAIN' })
    const lookup = jest.spyOn(dns, 'lookup').mockRejectedValueOnce(gone)
    const { port } = await listening()
    const dials = [1, 2, 3].map(() => dialled({ host: 'localhost', port }).socket)
    for (const { status } of await Promise.allSettled(dials)) expect(status).toBe('rejected')
    expect(lookup).toHaveBeenCalledTimes(1)
    expect((await dialled({ host: 'localhost', port }).socket).remotePort).toBe(port)
  })

  test('that takes too long is abandoned; its answer serves those that still wait', async () => {
    const answer = Promise.withResolvers<unknown>()
    const lookup = jest.spyOn(dns, 'lookup').mockImplementation((() => answer.promise) as never)
    const { port } = await listening()
    const stopping = new AbortController()
    const hasty = dialled({ host: 'server', port }, 50).socket
    const stopped = dialled({ host: 'server', port }, 60_000, stopping.signal).socket
    const patient = dialled({ host: 'server', port }, 60_000).socket
    stopping.abort(new Error('stopping'))
    await expect(stopped).rejects.toThrow('stopping')
    await expect(hasty).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    answer.resolve([{ address: '127.0.0.1', family: 4 }])
    expect((await patient).remotePort).toBe(port)
    expect(lookup).toHaveBeenCalledTimes(1)
  })
})
