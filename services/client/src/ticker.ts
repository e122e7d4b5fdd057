import { Metronome } from './metronome.ts'

/** A recurring event on the monotonic clock. */
export interface Alarm {
  /** Infinity = never. */
  readonly dueMs: number
  /** Called at `dueMs` or soon after; must move `dueMs` forward. */
  ring(nowMs: number): void
}

/** Waking the event loop from another thread takes time, so the metronome is set early by about that much; the rest is spent spinning. */
const INITIAL_LEAD_MS = 0.2
const MAX_LEAD_MS = 0.5
const LEAD_STEP_MS = 0.02
/** Maximum share of the time before an alarm, which limits the cost of spinning. */
const MAX_LEAD_SHARE = 0.04

/** Rings alarms with a precision of about 0.1 ms. All alarms of a process share one thread. */
export class Ticker {
  readonly #alarms = new Set<Alarm>()
  readonly #metronome = new Metronome(() => this.#wake())
  #precise = false
  #leadMs = INITIAL_LEAD_MS
  /** The time that the ticker is set to. */
  #dueMs = Number.POSITIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  constructor() {
    void this.ready().then(() => {
      this.#precise = true
      this.#dueMs = Number.POSITIVE_INFINITY
      this.#set()
    })
  }

  /** Resolves when alarms are precise. Until then, timers ring them up to a millisecond late. */
  ready(): Promise<void> {
    return this.#metronome.ready
  }

  /** Adds an alarm, which rings until it is removed. Call again when its `dueMs` has moved to an earlier time. */
  add(alarm: Alarm): void {
    this.#alarms.add(alarm)
    this.#set()
  }

  remove(alarm: Alarm): void {
    this.#alarms.delete(alarm)
    this.#set()
  }

  #set(): void {
    let dueMs = Number.POSITIVE_INFINITY
    for (const alarm of this.#alarms) if (alarm.dueMs < dueMs) dueMs = alarm.dueMs
    if (dueMs === this.#dueMs) return
    this.#dueMs = dueMs
    clearTimeout(this.#timer)
    const waitMs = dueMs - performance.now()
    if (waitMs <= 0) setImmediate(() => this.#wake())
    else if (this.#precise) this.#metronome.wakeAt(dueMs - Math.min(this.#leadMs, waitMs * MAX_LEAD_SHARE))
    else if (waitMs < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.#wake(), waitMs).unref()
  }

  #wake(): void {
    const dueMs = this.#dueMs
    let nowMs = performance.now()
    // Skipped if the alarm was removed and the next one is not due soon.
    if (dueMs - nowMs <= MAX_LEAD_MS) {
      const stepMs = nowMs < dueMs ? -LEAD_STEP_MS : LEAD_STEP_MS
      this.#leadMs = Math.min(MAX_LEAD_MS, Math.max(0, this.#leadMs + stepMs))
      while (nowMs < dueMs) nowMs = performance.now()
      for (const alarm of this.#alarms) if (alarm.dueMs <= nowMs) alarm.ring(nowMs)
    }
    this.#dueMs = Number.NaN
    this.#set()
  }
}

let shared: Ticker | undefined

/** The ticker of this process. Its thread starts with the first call. */
export function sharedTicker(): Ticker {
  shared ??= new Ticker()
  return shared
}
