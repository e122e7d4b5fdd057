import { connect, type Socket } from 'node:net'

/** What the connections do once they are open: nothing; one exchange per second each; or send much, and never read. */
export const behaviours = ['idle', 'busy', 'hostile'] as const
export type Behaviour = (typeof behaviours)[number]

const REQUEST = '张三\n'
const REPLY_BYTES = Buffer.byteLength('你好，张三\n')

/** Each of these line ends is answered by ten bytes: far more than all buffers on the way take. */
const FLOOD = Buffer.alloc(2 ** 19, '\n')

/** Connections opened at a time. */
const WAVE = 100
const TICK_MS = 10
/** A hostile peer whose connection was closed comes back. */
const COME_BACK_MS = 5_000

/** Connections of one behaviour to a greet listener. */
export class Peers implements Disposable {
  /** Replies received in full. */
  exchanges = 0
  readonly #host: string
  readonly #port: number
  readonly #behaviour: Behaviour
  readonly #open = new Set<Socket>()
  #timer: NodeJS.Timeout | undefined
  #ended = false

  constructor(host: string, port: number, behaviour: Behaviour) {
    this.#host = host
    this.#port = port
    this.#behaviour = behaviour
  }

  get open(): number {
    return this.#open.size
  }

  /** Opens the connections, a wave at a time. One that is not hostile has had a reply when its wave is over. */
  async connect(count: number): Promise<void> {
    for (let opened = 0; opened < count; opened += WAVE) {
      const wave = Array.from({ length: Math.min(WAVE, count - opened) }, () => this.#connect())
      await Promise.all(wave)
    }
    if (this.#behaviour === 'busy') this.#exchangeEverySecond([...this.#open])
  }

  [Symbol.dispose](): void {
    this.#ended = true
    clearInterval(this.#timer)
    for (const socket of this.#open) socket.destroy()
  }

  #connect(): Promise<void> {
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true })
    this.#open.add(socket)
    return new Promise(resolve => {
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#open.delete(socket)
        resolve()
        if (this.#behaviour === 'hostile' && !this.#ended) setTimeout(() => !this.#ended && this.#connect(), COME_BACK_MS).unref()
      })
      if (this.#behaviour === 'hostile') {
        socket.on('connect', resolve)
        socket.pause()
        socket.write(FLOOD)
        return
      }
      let receivedBytes = 0
      socket.on('data', ({ length }) => {
        receivedBytes += length
        if (receivedBytes % REPLY_BYTES !== 0) return
        this.exchanges++
        resolve()
      })
      socket.write(REQUEST)
    })
  }

  /** Spread evenly over the second. What a late tick would have to catch up on is left out: it would make the next one later still. */
  #exchangeEverySecond(sockets: readonly Socket[]): void {
    let next = 0
    let lastMs = performance.now()
    this.#timer = setInterval(() => {
      const nowMs = performance.now()
      const due = Math.min((nowMs - lastMs) / 1_000, 0.1) * sockets.length
      if (due < 1) return
      lastMs = nowMs
      for (const end = next + Math.floor(due); next < end; next++) sockets[next % sockets.length]?.write(REQUEST)
    }, TICK_MS)
  }
}
