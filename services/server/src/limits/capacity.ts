import { readFileSync } from 'node:fs'

/** Rejected connections that may be open at once, until their peers have seen the FIN. */
export const MAX_REJECTING = 100

/** Open files not available to connections: rejected ones, admin requests, and what Node itself has open. */
const RESERVED_FILES = MAX_REJECTING + 64 + 64

/** The connections of the whole process, over all listeners. */
export interface Capacity {
  /** Infinity = no limit. */
  readonly limit: number
  /** The soft limit of open files, where it lowers the limit of connections. */
  readonly openFiles: number | undefined
  open: number
  /** Rejected connections that wait for their peer to close. */
  rejecting: number
}

/**
 * The configured limit, or what the open file limit leaves for connections if that is less: above it, the kernel's connections would be
 * closed without an event or a count.
 * @param maxConnections 0 = no limit but that of open files
 */
export function createCapacity(maxConnections: number, openFiles = softFileLimit()): Capacity {
  const wanted = maxConnections || Number.POSITIVE_INFINITY
  const possible = Math.max(1, openFiles - RESERVED_FILES)
  return {
    limit: Math.min(wanted, possible),
    openFiles: possible < wanted ? openFiles : undefined,
    open: 0,
    rejecting: 0,
  }
}

/** Infinity where unknown. Node raises the soft limit to the hard one when it starts. */
function softFileLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
