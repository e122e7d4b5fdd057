import { Worker } from 'node:worker_threads'

/** The time of `process.hrtime`, ms: the only monotonic clock shared by all threads of a process. */
const sharedClockMs = () => {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1_000 + nanoseconds / 1_000_000
}

/**
 * The source of the thread, as text because a separate file would have a name that depends on how the program was built. The thread
 * sleeps in `Atomics.wait`, whose timeout has sub-millisecond resolution; timers of the event loop have whole milliseconds.
 */
const THREAD = `
const { parentPort, workerData: { version, wakeAt } } = require('node:worker_threads')
const clockMs = ${sharedClockMs}
for (;;) {
  const seen = Atomics.load(version, 0)
  const waitMs = wakeAt[0] - clockMs()
  if (waitMs > 0) Atomics.wait(version, 0, seen, waitMs)
  else {
    wakeAt[0] = Infinity
    parentPort.postMessage(undefined)
  }
}`

/** A thread that wakes the event loop at a set time, with sub-millisecond precision. It does not keep the process alive. */
export class Metronome {
  /** Resolves when the thread is running. */
  readonly ready: Promise<void>
  readonly #version = new Int32Array(new SharedArrayBuffer(4))
  readonly #wakeAt = new Float64Array(new SharedArrayBuffer(8)).fill(Number.POSITIVE_INFINITY)
  readonly #offsetMs = clockOffsetMs()

  constructor(wake: () => void) {
    const worker = new Worker(THREAD, { eval: true, workerData: { version: this.#version, wakeAt: this.#wakeAt } })
    this.ready = new Promise(resolve => {
      worker.once('online', () => {
        worker.unref()
        resolve()
      })
    })
    worker.on('message', wake)
  }

  /** Sets the wake-up time, replacing an earlier one. @param timeMs on the clock of `performance.now`; Infinity = never */
  wakeAt(timeMs: number): void {
    this.#wakeAt[0] = timeMs + this.#offsetMs
    Atomics.add(this.#version, 0, 1)
    Atomics.notify(this.#version, 0)
  }
}

/** Offset from `performance.now` to the shared clock, from the closest of many pairs of readings. */
function clockOffsetMs(): number {
  let offsetMs = 0
  let gapMs = Number.POSITIVE_INFINITY
  for (let reading = 0; reading < 100; reading++) {
    const beforeMs = performance.now()
    const clockMs = sharedClockMs()
    const afterMs = performance.now()
    if (afterMs - beforeMs >= gapMs) continue
    gapMs = afterMs - beforeMs
    offsetMs = clockMs - (beforeMs + afterMs) / 2
  }
  return offsetMs
}
