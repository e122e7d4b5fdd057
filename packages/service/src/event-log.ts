import { printable } from './printable.ts'

/** A field of an event. Undefined fields are omitted. */
export type EventField = string | number | boolean | undefined

/** Something that happened, for people who look at the service later. */
export interface LoggedEvent<Kind extends string = string> {
  /** Increases from 1 since the start of the process. */
  readonly id: number
  /** ISO 8601. */
  readonly time: string
  readonly kind: Kind
  /** The target or listener that it concerns; undefined if it concerns the whole process. */
  readonly about: string | undefined
  readonly fields: Readonly<Record<string, Exclude<EventField, undefined>>>
}

/** Which events to read. */
export interface EventSelection {
  /** Only those with a larger id. */
  readonly since?: number
  readonly kind?: string | undefined
  readonly about?: string | undefined
}

const MAX_EVENTS = 1_000

/** In UTF-16 code units. */
const MAX_TEXT = 200

/** The last 1,000 events, in about 2 MB at most. */
export class EventLog<Kind extends string = string> {
  readonly kinds: readonly Kind[]
  readonly startedAt: string
  readonly #now: () => number
  readonly #events: LoggedEvent<Kind>[] = []
  /** Of the last event; 0 = none. */
  #lastId = 0

  /** @param now wall clock, ms */
  constructor(kinds: readonly Kind[], now: () => number = Date.now) {
    this.kinds = kinds
    this.startedAt = new Date(now()).toISOString()
    this.#now = now
  }

  get lastId(): number {
    return this.#lastId
  }

  /** @param fields may contain text from the network: it is escaped and truncated */
  add(kind: Kind, about: string | undefined, fields: Readonly<Record<string, EventField>> = {}): void {
    const defined = Object.entries(fields).filter(([, value]) => value !== undefined)
    const bounded = Object.fromEntries(defined.map(([name, value]) => [name, typeof value === 'string' ? short(value) : value]))
    const event = { id: ++this.#lastId, time: new Date(this.#now()).toISOString(), kind, about, fields: bounded }
    this.#events[this.#lastId % MAX_EVENTS] = event as LoggedEvent<Kind>
  }

  /** The oldest first. */
  read({ since = 0, kind, about }: EventSelection = {}): LoggedEvent<Kind>[] {
    const events: LoggedEvent<Kind>[] = []
    for (let id = Math.max(since, this.#lastId - MAX_EVENTS, 0) + 1; id <= this.#lastId; id++) {
      const event = this.#events[id % MAX_EVENTS] as LoggedEvent<Kind>
      if ((kind === undefined || event.kind === kind) && (about === undefined || event.about === about)) events.push(event)
    }
    return events
  }
}

/** A copy: a part of a text keeps all of it in memory. */
const short = (text: string) => Buffer.from(printable(text).slice(0, MAX_TEXT)).toString()
