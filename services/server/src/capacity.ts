import { readFileSync } from 'node:fs'

/** Refused connections that may be open for their last moment, until the peer has seen the FIN. */
export const REFUSED_AT_ONCE = 100

/** Files that are not for connections: refused ones, admin requests, and what Node itself has open. */
const RESERVED_FILES = REFUSED_AT_ONCE + 64 + 64

/** How many connections the whole process may have open, over all listeners. */
export interface Capacity {
  /** Infinity where nothing limits it. */
  readonly limit: number
  /** The soft limit of open files, where it is what limits the connections. */
  readonly openFiles: number | undefined
  open: number
  /** Refused connections that wait for their peer to close. */
  refused: number
}

/**
 * The limit that was asked for, or what the file limit leaves for connections where that is less: past the file limit the kernel's
 * connections would be closed without a word and without a count.
 * @param maxConnections 0 = no limit but the file limit
 */
export function createCapacity(maxConnections: number, openFiles = softFileLimit()): Capacity {
  const wanted = maxConnections || Number.POSITIVE_INFINITY
  const possible = Math.max(1, openFiles - RESERVED_FILES)
  return { limit: Math.min(wanted, possible), openFiles: possible < wanted ? openFiles : undefined, open: 0, refused: 0 }
}

/** Infinity where the limit is not to be known. Node raises the soft limit to the hard one when it starts. */
function softFileLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
