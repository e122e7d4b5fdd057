import { setImmediate as nextTurn } from 'node:timers/promises'
import { type ListenerCounters, sumOf } from './counters.ts'

/** Visiting this many connections takes less than 1 ms. */
const SLICE = 1_000

/** Bytes of one connection or of all connections of a listener. */
export interface Traffic {
  readonly receivedBytes: number
  readonly sentBytes: number
  readonly bufferedBytes: number
}

interface Source {
  readonly connections: Iterable<Traffic>
  readonly counters: Pick<ListenerCounters, 'totals'>
}

/** Adds up the connections of a listener, including those that ended, a slice at a time: the event loop never pauses for all of them. */
export async function trafficOf({ connections, counters }: Source): Promise<Traffic> {
  // One that ends meanwhile keeps its counts: it is counted as open now, and as ended next time.
  const open = [...connections]
  let { receivedBytes, sentBytes } = counters.totals(sumOf([]))
  let bufferedBytes = 0
  for (let index = 0; index < open.length; index += SLICE) {
    if (index > 0) await nextTurn()
    for (const connection of open.slice(index, index + SLICE)) {
      receivedBytes += connection.receivedBytes
      sentBytes += connection.sentBytes
      bufferedBytes += connection.bufferedBytes
    }
  }
  return { receivedBytes, sentBytes, bufferedBytes }
}
