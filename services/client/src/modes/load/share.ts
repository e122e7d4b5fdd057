/** The share that one of several threads has in a load: of connections and exchanges, those whose turn it is. */
export interface Share {
  /** From 0. */
  readonly thread: number
  readonly threads: number
}

export const WHOLE: Share = { thread: 0, threads: 1 }

/** How many connections a thread has: every connection c for which c mod threads is its number. */
export function connectionsOf(connections: number, { thread, threads }: Share): number {
  return Math.ceil(Math.max(0, connections - thread) / threads)
}

/** How many of the first `count` exchanges a thread makes: exchange n belongs to connection n mod connections. */
export function exchangesOf(count: number, connections: number, share: Share): number {
  const rounds = Math.floor(count / connections)
  return rounds * connectionsOf(connections, share) + connectionsOf(count % connections, share)
}

/** The number, among those of all threads, of the nth exchange of a thread that has connections. */
export function exchangeNumber(nth: number, connections: number, share: Share): number {
  const own = connectionsOf(connections, share)
  return Math.floor(nth / own) * connections + (nth % own) * share.threads + share.thread
}
