import { expect, test } from '@jest/globals'
import type { KernelSocket } from '@nihao/service'
import { WrongReply } from '@nihao/wire'
import { directionOf, type LostExchange } from './lost-direction.ts'

const acknowledged: KernelSocket = {
  state: 1,
  unacknowledgedBytes: 0,
  unreadBytes: 0,
  timer: 'none',
  retransmissions: 0,
  probes: 0,
  retransmissionTimeoutMs: 200,
  congestionWindow: 10,
}
const unacknowledged: KernelSocket = { ...acknowledged, unacknowledgedBytes: 8_900, timer: 'retransmission', retransmissions: 2 }

/** The client had two replies, gave up at 1,000 ms, closed the connection at 1,100 ms, and had another one at 1,001 ms. */
const lost = (more: Partial<LostExchange>): LostExchange => ({
  failure: { reason: 'timeout' },
  answered: 2,
  receivedBytes: 300,
  kernel: acknowledged,
  lostMs: 1_000,
  closedMs: 1_100,
  nextMs: 1_001,
  ended: undefined,
  toldMs: 1_002,
  ...more,
})

const corrupted = new WrongReply(Buffer.from('a'), Buffer.from('b'), '', 0, 'from_server')
const arrived = { state: 'open', pings: 3, receivedBytes: 9_000, sentBytes: 9_300 } as const
const missing = { state: 'open', pings: 2, receivedBytes: 150, sentBytes: 300 } as const

test.each<[what: string, exchange: LostExchange, direction: string]>([
  ['the request did not arrive', lost({ ended: missing, kernel: unacknowledged }), 'to_server'],
  ['the request was acknowledged, and the server had not read it', lost({ ended: missing }), 'unknown'],
  ['nothing was acknowledged, and the server does not say', lost({ kernel: unacknowledged }), 'unknown'],
  ['the reply was sent', lost({ ended: arrived }), 'from_server'],
  ['the reply was sent, as far as acknowledgements were lost', lost({ ended: arrived, kernel: unacknowledged }), 'from_server'],
  ['the request arrived, and no reply was sent', lost({ ended: { ...arrived, sentBytes: 300 } }), 'unknown'],
  [
    'the reply was sent, perhaps late: the server answered on no other connection',
    lost({ ended: arrived, nextMs: 3_000 }),
    'unknown',
  ],
  [
    'the reply was sent, and the server saw the end at once',
    lost({ ended: { ...arrived, state: 'closed', agoMs: 1_890 }, nextMs: 3_000, toldMs: 3_000 }),
    'from_server',
  ],
  [
    'the reply was sent, and the server saw the end late',
    lost({ ended: { ...arrived, state: 'closed', agoMs: 200 }, nextMs: 3_000, toldMs: 3_000 }),
    'unknown',
  ],
  ['the server does not know the connection', lost({ ended: { state: 'other_boot' }, kernel: unacknowledged }), 'unknown'],
  ['the connection was reset', lost({ failure: { reason: 'reset' }, ended: arrived }), 'unknown'],
  ['bytes changed', lost({ failure: { reason: 'mismatch', error: corrupted } }), 'from_server'],
])('%s', (_, exchange, direction) => {
  expect(directionOf(exchange)).toBe(direction)
})
