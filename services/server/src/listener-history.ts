import { counter, History, largeCounter, largeLevel, level } from '@nihao/service'
import type { Listener } from './listener.ts'
import { type Traffic, trafficOf } from './listener-traffic.ts'

/** The figures of a listener in each cell of its history. */
export const listenerColumns = {
  open: level,
  opened: counter,
  closed: counter,
  rejected: counter,
  receivedBytes: largeCounter,
  sentBytes: largeCounter,
  bufferedBytes: largeLevel,
}
export type ListenerHistory = History<keyof typeof listenerColumns>

/** The history of bound listeners. */
export function listenerHistory(listeners: readonly Listener[]): ListenerHistory {
  const traffic = new Map<Listener, Traffic>()
  return new History({
    columns: listenerColumns,
    series: listeners.map(listener => ({
      label: listener.label,
      figures: () => ({ ...connectionsOf(listener), ...traffic.get(listener) }),
    })),
    prepare: async () => {
      for (const listener of listeners) traffic.set(listener, await trafficOf(listener))
    },
  })
}

function connectionsOf({ active, counters: { opened, closed, rejected } }: Listener) {
  return { open: active, opened, closed: sum(closed), rejected: sum(rejected) }
}

const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((total, count) => total + count, 0)
