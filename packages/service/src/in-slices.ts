import { setImmediate as nextTurn } from 'node:timers/promises'

/** Visiting this many connections takes well under 1 ms. */
export const SLICE = 500

/** Visits all items, a slice per turn of the event loop, so that it never pauses for all of them. */
export async function inSlices<Item>(items: readonly Item[], visit: (item: Item) => void): Promise<void> {
  for (let start = 0; start < items.length; start += SLICE) {
    if (start > 0) await nextTurn()
    const end = Math.min(start + SLICE, items.length)
    for (let index = start; index < end; index++) visit(items[index] as Item)
  }
}
