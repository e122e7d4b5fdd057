import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as eventLoop } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { ConnectionList, type Listed } from './connection-list.ts'
import { Sweep } from './sweep.ts'

class Item implements Listed {
  index = -1
  visits = 0
}

function listOf(size: number): [ConnectionList<Item>, Item[]] {
  const list = new ConnectionList<Item>()
  const items = Array.from({ length: size }, () => new Item())
  for (const item of items) list.add(item)
  return [list, items]
}

const visit = (item: Item) => void item.visits++

test('visits each connection once per interval, at most 500 in one go', () => {
  const [list, items] = listOf(1_250)
  let visited = 0
  const sweep = new Sweep(list, 500, () => visited++)
  const counts = [1, 2, 3, 4].map(() => {
    sweep.step()
    const count = visited
    visited = 0
    return count
  })
  expect(counts).toEqual([500, 500, 250, 500])
  expect(items).toHaveLength(1_250)
})

test('misses none that was there from the start while others come and go', () => {
  const [list, items] = listOf(5_000)
  const sweep = new Sweep(list, 500, visit)
  const removed = new Set<Item>()
  let seed = 1
  for (let step = 0; step < 10; step++) {
    sweep.step()
    for (let count = 0; count < 150; count++) {
      seed = (seed * 48_271) % 2_147_483_647
      const item = items[seed % items.length]
      if (item === undefined || removed.has(item)) continue
      removed.add(item)
      list.remove(item)
      if (count % 3 === 0) list.add(new Item())
    }
  }
  const remaining = items.filter(item => !removed.has(item))
  expect(remaining.length).toBeGreaterThan(3_000)
  expect(remaining.filter(({ visits }) => visits === 0)).toEqual([])
})

test('an empty list is visited again when a connection is there', () => {
  const [list] = listOf(0)
  const sweep = new Sweep(list, 500, visit)
  sweep.step()
  const item = new Item()
  list.add(item)
  sweep.step()
  expect(item.visits).toBe(1)
})

test('after a stall, the sockets are read before the connections are visited', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nihao-'))
  const server = createServer().listen(join(folder, 'socket'))
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const peer = connect(join(folder, 'socket'))
  try {
    const [socket] = await accepted
    if (peer.connecting) await once(peer, 'connect')
    const seen: string[] = []
    socket.on('data', () => seen.push('read'))
    const [list] = listOf(1)
    const visited = Promise.withResolvers<void>()
    const sweep = new Sweep(list, 20, () => {
      seen.push('visit')
      visited.resolve()
    })
    // From here, the event loop runs the timers that are due, and then reads the sockets.
    await eventLoop()
    sweep.start()
    peer.write('x')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
    await visited.promise
    sweep.stop()
    expect(seen).toEqual(['read', 'visit'])
  } finally {
    peer.destroy()
    server.close()
    rmSync(folder, { recursive: true })
  }
})
