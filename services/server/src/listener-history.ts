import { counter, History, largeCounter, largeLevel, level } from '@nihao/service'
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
  return new History({
    columns: listenerColumns,
    series: listeners.map(listener => ({ label: listener.label, figures: () => figuresOf(listener) })),
  })
}

function figuresOf(listener: Listener) {
  const { active, bufferedBytes, counters } = listener
  const { receivedBytes, sentBytes } = listener.totals()
  const { opened, closed, rejected } = counters
  return { open: active, opened, closed: sum(closed), rejected: sum(rejected), receivedBytes, sentBytes, bufferedBytes }
}

const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((total, count) => total + count, 0)
