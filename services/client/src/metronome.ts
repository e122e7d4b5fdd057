import { Worker } from 'node:worker_threads'

/** The time of `process.hrtime`, ms: the only monotonic clock that all threads of a process share. */
const sharedClockMs = () => {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1_000 + nanoseconds / 1_000_000
}

/**
 * The thread. It stands here as text because a worker needs a file of its own otherwise, whose name depends on how the program was built.
 * It sleeps in `Atomics.wait`, whose timeout may be a fraction of a millisecond; the timers of the event loop have whole ones.
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

/** A thread that wakes the event loop at a time, to a fraction of a millisecond. It sleeps while it has nothing to do, and keeps no process alive. */
export class Metronome {
  /** Resolves when the thread runs. */
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

  /** Takes the place of the time that was set before. @param timeMs by `performance.now`; Infinity: never */
  wakeAt(timeMs: number): void {
    this.#wakeAt[0] = timeMs + this.#offsetMs
    Atomics.add(this.#version, 0, 1)
    Atomics.notify(this.#version, 0)
  }
}

/** What to add to `performance.now` to get the shared clock: from the tightest of many pairs of readings. */
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
