import { readFileSync } from 'node:fs'

/** Maximum rejected connections that are waiting for their peers to close. */
export const MAX_REJECTING = 100

/** Open files not available to connections: reserved for rejected connections, admin requests and Node itself. */
const RESERVED_FILES = MAX_REJECTING + 64 + 64

/** The connections of the process, on all listeners. */
export interface Capacity {
  /** Infinity = no limit. */
  readonly limit: number
  /** The open file limit, if it lowers the connection limit. */
  readonly openFiles: number | undefined
  open: number
  /** Rejected connections that are waiting for their peers to close. */
  rejecting: number
}

/**
 * The configured limit, or the number of open files available to connections if that is lower: above it, Node would close connections
 * without an event.
 * @param maxConnections 0 = limited by open files only
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
