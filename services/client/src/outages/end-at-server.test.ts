import { expect, test } from '@jest/globals'
import type { EndedConnection } from '@nihao/wire'
import { settledEnd } from './end-at-server.ts'

const id = { boot: 'b', connection: 1 }
const closed: EndedConnection = { state: 'closed', reason: 'fault' }

/** A server that gives this answer when it is asked again. */
function server(again: EndedConnection | undefined) {
  const asked: number[] = []
  const askLast = async (_boot: string, connection: number) => {
    asked.push(connection)
    return again
  }
  return { asked, askLast }
}

test('a server that is still closing a connection is asked again', async () => {
  const { asked, askLast } = server(closed)
  const answer = Promise.resolve<EndedConnection>({ state: 'open' })
  expect(await settledEnd(answer, { askLast }, id, new AbortController().signal)).toEqual(closed)
  expect(asked).toEqual([1])
})

test('its last word counts', async () => {
  const { asked, askLast } = server(undefined)
  const signal = AbortSignal.abort()
  expect(await settledEnd(Promise.resolve<EndedConnection>({ state: 'open' }), { askLast }, id, signal)).toEqual({
    state: 'open',
  })
  expect(await settledEnd(Promise.resolve(closed), { askLast }, id, signal)).toEqual(closed)
  expect(await settledEnd(undefined, { askLast }, id, signal)).toBeUndefined()
  expect(asked).toEqual([1])
})
