import { expect, test } from '@jest/globals'
import type { KernelSocket } from '@nihao/service'
import { settledRow } from './kernel-row.ts'

const quiet: KernelSocket = {
  state: 1,
  unacknowledgedBytes: 0,
  unreadBytes: 0,
  timer: 'none',
  retransmissions: 0,
  probes: 0,
  retransmissionTimeoutMs: 200,
  congestionWindow: 10,
}
const onItsWay: KernelSocket = { ...quiet, unacknowledgedBytes: 19, timer: 'retransmission' }
const retransmitted: KernelSocket = { ...onItsWay, retransmissions: 2 }

/** A kernel that gives these rows, one after the other, and then nothing. */
function kernel(...rows: (KernelSocket | undefined)[]) {
  const left = [...rows]
  return { left, find: () => (left.length === 0 ? new Promise<never>(() => {}) : Promise.resolve(left.shift())) }
}

test.each([
  ['a row without bytes on their way is final', [quiet, retransmitted], quiet],
  ['retransmissions are final', [retransmitted, quiet], retransmitted],
  ['a request that was just sent is looked at again', [onItsWay, quiet], quiet],
  ['a connection that is gone then has the row that it had', [onItsWay, undefined], onItsWay],
  ['a platform without rows has none', [undefined], undefined],
  ['a read that takes too long is not waited for', [], undefined],
  ['nor is a second one', [onItsWay], onItsWay],
])('%s', async (_, rows, expected) => {
  expect(await settledRow(kernel(...rows), {})).toEqual(expected)
})
