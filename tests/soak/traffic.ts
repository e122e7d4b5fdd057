import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const MESSAGE = Buffer.from('soak '.repeat(20))
const LONG_CONNECTIONS = 20
/** A long connection makes an exchange this often. */
const PAUSE_MS = 500
const SHORT_PER_SECOND = 20
const RESETS_PER_SECOND = 10

/** Connections to an echo listener by others than nihao-client: short, long, and ended by a reset. All of them are counted. */
export class Traffic {
  connections = 0
  exchanges = 0
  resets = 0
  readonly #port: number
  readonly #signal: AbortSignal

  constructor(port: number, signal: AbortSignal) {
    this.#port = port
    this.#signal = signal
  }

  get bytes(): number {
    return this.exchanges * MESSAGE.length
  }

  /** Resolves when all connections are closed after the signal; rejects if an exchange fails. */
  async run(): Promise<void> {
    const long = Array.from({ length: LONG_CONNECTIONS }, () => this.#longConnections())
    await Promise.all([
      ...long,
      this.#repeat(SHORT_PER_SECOND, () => this.#connection(1)),
      this.#repeat(RESETS_PER_SECOND, () => this.#connection(2, { reset: true })),
    ])
  }

  async #longConnections(): Promise<void> {
    while (!this.#signal.aborted) await this.#connection(20 + Math.floor(Math.random() * 40), { pauseMs: PAUSE_MS })
  }

  async #repeat(perSecond: number, action: () => Promise<void>): Promise<void> {
    const running = new Set<Promise<void>>()
    while (!this.#signal.aborted) {
      const started = action().finally(() => running.delete(started))
      running.add(started)
      await delay(1_000 / perSecond)
      // A failure ends the run.
      if (running.size > perSecond) await Promise.race(running)
    }
    await Promise.all(running)
  }

  async #connection(exchanges: number, { reset = false, pauseMs = 0 } = {}): Promise<void> {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    this.connections++
    for (let exchange = 0; exchange < exchanges && !this.#signal.aborted; exchange++) {
      let received = 0
      socket.write(MESSAGE)
      while (received < MESSAGE.length) {
        const [chunk] = (await once(socket, 'data')) as [Buffer]
        received += chunk.length
      }
      this.exchanges++
      if (pauseMs > 0) await delay(pauseMs, undefined, { signal: this.#signal }).catch(() => {})
    }
    const closed = once(socket, 'close')
    if (reset) {
      this.resets++
      socket.resetAndDestroy()
    } else socket.end()
    await closed
  }
}
