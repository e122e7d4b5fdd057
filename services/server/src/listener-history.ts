import { counter, History, largeCounter, largeLevel, level } from '@nihao/service'
import type { ListenerTotals } from './counters.ts'
import type { Listener } from './listener.ts'

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
  const totals = new Map<Listener, ListenerTotals>()
  return new History<keyof typeof listenerColumns>({
    columns: listenerColumns,
    series: listeners.map(listener => ({
      label: listener.label,
      figures: () => ({ ...connectionsOf(listener), ...totals.get(listener) }),
    })),
    prepare: async () => {
      for (const listener of listeners) totals.set(listener, await listener.totals())
    },
  })
}

function connectionsOf({ active, counters: { opened, closed, rejected } }: Listener) {
  return { open: active, opened, closed: sum(closed), rejected: sum(rejected) }
}

const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((total, count) => total + count, 0)
