import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { expect, test } from '@jest/globals'
import { WatchedState } from './watched-state.ts'

test('data that arrived while the process was busy is seen before the time limit', async () => {
  // Unlike TCP, a Unix socket has delivered what `write` returns from.
  const path = `\0nihao-${randomUUID()}`
  await using server = createServer().listen(path)
  await once(server, 'listening')
  const socket = connect(path)
  const [[peer]] = (await Promise.all([once(server, 'connection'), once(socket, 'connect')])) as [[Socket], unknown]
  let failure: Error | undefined
  const state = new WatchedState(() => failure)
  socket.on('data', () => {
    failure = new Error('unexpected data')
    state.changed()
  })

  try {
    const quiet = state.until(() => false, 1)
    peer.write('220 hi\n')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    await expect(quiet).rejects.toThrow('unexpected data')
  } finally {
    socket.destroy()
    peer.destroy()
  }
})
