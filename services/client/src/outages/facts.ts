import type { EventLoopMonitor, KernelSocket, KernelSockets } from '@nihao/service'
import { type EndedConnection, WrongReply } from '@nihao/wire'
import type { Connection } from '../connect/connection.ts'
import type { Failure } from '../failure.ts'
import type { Observations } from './evidence.ts'

/** Where facts come from, besides the connections. */
export interface Instruments {
  readonly kernel: Pick<KernelSockets, 'find'>
  readonly eventLoop: Pick<EventLoopMonitor, 'stalledMs'>
}

/** The recovery of a session: the connection of its first good reply. */
export interface Recovery {
  readonly connection: Connection
  readonly atMs: number
  readonly ended: EndedConnection | undefined
}

export interface FactsOptions {
  readonly timeoutMs: number
  /** The reply fits into one packet on any path, as an acknowledgement does. */
  readonly smallReply: boolean
  readonly instruments: Instruments
  /** The last connection that worked, where none broke. */
  readonly before: Connection | undefined
  /** Of the broken connection. */
  readonly kernel: Promise<KernelSocket | undefined> | undefined
}

/** A path that works completes the handshake of the next attempt within this time. */
const PROMPT_HANDSHAKE_MS = 500

/** What is known of the first failure of an outage, taken down when it happened. */
export class Facts {
  readonly failure: Failure
  /** Who answered before. */
  readonly hello: Readonly<Record<string, unknown>> | undefined
  readonly #options: FactsOptions
  readonly #atMs: number
  readonly #broken: Connection | undefined
  readonly #remoteAddress: string | undefined
  readonly #sentAgoMs: number
  readonly #stalledMs: number
  /** Right before the failure. */
  readonly #stoppedBefore: boolean
  #handshakeMs: number | undefined

  /** @param broken the connection that ended; undefined where none could be made */
  constructor(failure: Failure, broken: Connection | undefined, sentMs: number, nowMs: number, options: FactsOptions) {
    const { timeoutMs, instruments, before } = options
    this.failure = failure
    this.hello = broken?.hello ?? before?.hello
    this.#options = options
    this.#atMs = nowMs
    this.#broken = broken
    this.#remoteAddress = broken?.socket.remoteAddress
    this.#sentAgoMs = nowMs - sentMs
    this.#stalledMs = instruments.eventLoop.stalledMs(nowMs - timeoutMs)
    this.#stoppedBefore = instruments.eventLoop.stalledMs(nowMs - timeoutMs / 2) > 0.9 * (timeoutMs / 2)
  }

  /** The identity of the connection that broke, to ask the server how it ended there. */
  get brokenId(): { boot: string; connection: number } | undefined {
    const { boot, connection } = this.#broken?.hello ?? {}
    return typeof boot === 'string' && typeof connection === 'number' ? { boot, connection } : undefined
  }

  handshakeDone(startMs: number, nowMs: number, remoteAddress: string): void {
    if (startMs >= this.#atMs && remoteAddress === this.#remoteAddress) this.#handshakeMs ??= nowMs
  }

  /** @param recovery undefined while the outage lasts */
  async observations(connectFailure: Failure | undefined, recovery: Recovery | undefined): Promise<Observations> {
    const { reason, error } = this.failure
    const broken = this.#broken
    const kernel = await this.#options.kernel
    return {
      reason,
      connectReason: connectFailure?.reason,
      corrupted: error instanceof WrongReply ? error.corrupted : undefined,
      clientStalled: this.#clientStalled(recovery?.atMs ?? performance.now()),
      clientBusy: this.#stalledMs > 0,
      lookingUp: (error as { phase?: string } | undefined)?.phase === 'dns',
      kernel,
      sentAgoMs: this.#sentAgoMs,
      established: broken !== undefined && broken.receivedBytes > 0,
      direct: broken !== undefined && isDirect(broken),
      announced: broken?.goAwayReason === 'drain',
      pathWorkedLater: recovery !== undefined && this.#pathWorkedLater(recovery),
      ...(recovery && this.#compare(recovery)),
    }
  }

  /** A client that was not stopped for most of an outage, or that runs again without an end of it, is not its cause. */
  #clientStalled(endMs: number): boolean {
    const { timeoutMs, instruments } = this.#options
    const { reason } = this.failure
    const late = reason === 'timeout' || ((reason === 'eof' || reason === 'reset') && this.#stoppedBefore)
    if (!late) return false
    if (this.#stalledMs <= timeoutMs / 2 || endMs - this.#atMs > timeoutMs) return false
    const sinceMs = this.#atMs - timeoutMs
    return instruments.eventLoop.stalledMs(sinceMs) > (endMs - sinceMs) / 2
  }

  #compare({ connection, atMs, ended }: Recovery): Partial<Observations> {
    const [before, after] = [this.hello, connection.hello]
    const known = typeof before?.boot === 'string' && typeof after?.boot === 'string'
    const stalledSinceMs = atMs - connection.serverStalledMs
    return {
      ended,
      ...(known && { sameBoot: before.boot === after.boot, sameServer: before.server === after.server }),
      serverStalled: this.failure.reason === 'timeout' && stalledSinceMs <= this.#atMs - this.#options.timeoutMs / 2,
    }
  }

  /**
   * The handshake shows that packets passed both ways after the reply was due. If the path had just recovered, a reply would have followed soon:
   * only a silence after the handshake shows that it is not the path that is missing.
   */
  #pathWorkedLater({ atMs }: Recovery): boolean {
    const { timeoutMs, smallReply } = this.#options
    const handshakeMs = this.#handshakeMs
    if (handshakeMs === undefined || !smallReply) return false
    return handshakeMs - this.#atMs <= PROMPT_HANDSHAKE_MS && atMs - handshakeMs >= Math.max(200, timeoutMs / 2)
  }
}

/** Whether both ends name the same address as the client's: a proxy in between would have one of its own. */
function isDirect({ hello, localAddress }: Connection): boolean {
  const plain = (address: string) => address.replace(/^::ffff:/, '')
  const { peer, via } = hello ?? {}
  return via === undefined && typeof peer === 'string' && localAddress !== undefined && plain(peer) === plain(localAddress)
}
