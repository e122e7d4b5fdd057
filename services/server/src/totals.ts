import type { Connection } from './connection.ts'

/** What is added up over connections. */
export interface Totals {
  receivedBytes: number
  sentBytes: number
  messages: number
  readPauses: number
  corrupt: number
}

/** Adds what went through a connection so far. */
export function add(totals: Totals, connection: Connection): void {
  totals.receivedBytes += connection.receivedBytes
  totals.sentBytes += connection.sentBytes
  totals.messages += connection.messages
  totals.readPauses += connection.readPauses
  totals.corrupt += connection.corrupt
}

/** A count for each word of a closed list. */
export function zeros<Word extends string>(words: readonly Word[]): Record<Word, number> {
  return Object.fromEntries(words.map(word => [word, 0])) as Record<Word, number>
}
