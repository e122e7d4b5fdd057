// Measures how long the event loop of this process pauses. Preloaded into a server (node --import), it is asked over the IPC channel.
// JavaScript, because a server that loads TypeScript keeps Node's loader in memory.

const TICK_MS = 1

/** The longest time between two ticks of a timer, less one tick, in ms; `cpuMs` leaves out the time that other processes took. */
export class LoopPauses {
  /** @type {NodeJS.Timeout | undefined} */
  #timer
  #lastMs = 0
  #lastCpuMs = 0
  wallMs = 0
  cpuMs = 0

  start() {
    this.wallMs = 0
    this.cpuMs = 0
    this.#lastMs = performance.now()
    this.#lastCpuMs = threadCpuMs()
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  stop() {
    this.#tick()
    clearInterval(this.#timer)
    return { wallMs: this.wallMs, cpuMs: this.cpuMs }
  }

  #tick() {
    const nowMs = performance.now()
    const cpuMs = threadCpuMs()
    this.wallMs = Math.max(this.wallMs, nowMs - this.#lastMs - TICK_MS)
    this.cpuMs = Math.max(this.cpuMs, cpuMs - this.#lastCpuMs)
    this.#lastMs = nowMs
    this.#lastCpuMs = cpuMs
  }
}

function threadCpuMs() {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

if (process.env.LOOP_PAUSES === 'ipc') {
  const pauses = new LoopPauses()
  process.on('message', message => {
    if (message === 'start') pauses.start()
    else if (message === 'stop') process.send?.({ pauses: pauses.stop() })
  })
}
