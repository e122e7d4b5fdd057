import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from '@jest/globals'
import { freePort } from '../../../../tests/process/support/scripted-server.ts'
import { dial } from './dial.ts'

describe('repeated dials leak no memory', () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  /** Memory in use, after what only this turn of the event loop keeps alive is gone. */
  const heapBytes = async () => {
    for (let turn = 0; turn < 10; turn++) {
      await nextTurn()
      collectGarbage()
    }
    return process.memoryUsage().heapUsed
  }

  // A server that is down is dialled again and again, under a signal that lives as long as the session.
  test.each([
    ['that are refused', '127.0.0.1', false],
    ['to a name', 'localhost', true],
  ])('%s', async (_, host, open) => {
    const server = createServer(socket => socket.on('error', () => {}).resume()).listen(await freePort(), '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    if (!open) server.close()
    const { signal } = new AbortController()
    const dialMany = async (count: number) => {
      for (let index = 0; index < count; index++) {
        const socket = dial({ host, port }, { timeoutMs: 5_000, signal, observe: () => {} })
        await socket.then(
          socket => once(socket.resetAndDestroy(), 'close'),
          () => {},
        )
      }
    }
    await dialMany(500)
    const heaps = [await heapBytes()]
    for (let batch = 0; batch < 3; batch++) {
      await dialMany(700)
      heaps.push(await heapBytes())
    }
    server.close()
    // The median, because the heap of the test runner itself may grow or shrink by megabytes once.
    const perDial = heaps.slice(1).map((bytes, batch) => (bytes - (heaps[batch] ?? 0)) / 700)
    expect(perDial.sort((one, other) => one - other)[1]).toBeLessThan(600)
  })
})
