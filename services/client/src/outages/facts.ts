import type { EventLoopMonitor, KernelSocket, KernelSockets } from '@nihao/service'
import { type EndedConnection, WrongReply } from '@nihao/wire'
import type { Connection } from '../connect/connection.ts'
import type { Exchange } from '../connect/connection-events.ts'
import type { Failure } from '../failure.ts'
import { type ConnectionId, connectionId } from './end-at-server.ts'
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
  /** The end of the last outage of the target whose side was not the client; NaN: none. */
  readonly lastTroubleMs: () => number
}

/** A path that works completes the handshake of the next attempt within this time. */
const PROMPT_HANDSHAKE_MS = 500

/** After another outage, one that begins within this many timeouts may be its effect. */
const TROUBLED_TIMEOUTS = 2
/** A client that noticed an end only because it ran again stood still for this share of the time before. */
const STOPPED_SHARE = 0.9

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
  readonly #starved: boolean
  #handshakeMs: number | undefined

  /**
   * @param broken the connection that ended; undefined where none could be made
   * @param first the first exchange that was lost with it
   */
  constructor(
    failure: Failure,
    broken: Connection | undefined,
    first: Exchange | undefined,
    nowMs: number,
    options: FactsOptions,
  ) {
    this.failure = failure
    this.hello = broken?.hello ?? options.before?.hello
    this.#options = options
    this.#atMs = nowMs
    this.#broken = broken
    this.#remoteAddress = broken?.socket.remoteAddress
    this.#sentAgoMs = first === undefined ? 0 : nowMs - first.sentMs
    this.#starved = this.#isStarved(first)
  }

  /** The identity of the connection that broke, to ask the server how it ended there. */
  get brokenId(): ConnectionId | undefined {
    return connectionId(this.#broken?.hello)
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
      clientStarved: this.#starved,
      onlyWhileStarved: recovery !== undefined && this.#overAtOnce(recovery),
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

  /**
   * Whether the client did not run for more than half of the time that the exchange had. The kernel receives a small reply without the client,
   * which reads it before it looks at the time: with such a reply, only a request that was sent late is the client's.
   */
  #isStarved(first: Exchange | undefined): boolean {
    const { timeoutMs, smallReply, instruments } = this.#options
    const stalledMs = (sinceMs: number, untilMs?: number) => instruments.eventLoop.stalledMs(sinceMs, untilMs)
    const { reason } = this.failure
    if (reason === 'eof' || reason === 'reset') {
      return stalledMs(this.#atMs - timeoutMs / 2) > STOPPED_SHARE * (timeoutMs / 2)
    }
    if (reason !== 'timeout' && reason !== 'dns') return false
    // An attempt to connect has the whole timeout, whenever it began.
    if (first === undefined) return stalledMs(this.#atMs - timeoutMs) > timeoutMs / 2
    return stalledMs(first.intendedMs, smallReply ? first.sentMs : first.deadlineMs) > timeoutMs / 2
  }

  /** A client is not the cause of an outage that lasts on after it ran late, nor of one that follows another at once. */
  #overAtOnce({ atMs }: Recovery): boolean {
    const { timeoutMs, lastTroubleMs } = this.#options
    const troubled = this.#atMs - timeoutMs - lastTroubleMs() < TROUBLED_TIMEOUTS * timeoutMs
    return !troubled && atMs - this.#atMs <= timeoutMs / 2
  }

  /** For how long the client ran in a period. */
  #ranMs(fromMs: number, untilMs: number): number {
    return untilMs - fromMs - this.#options.instruments.eventLoop.stalledMs(fromMs, untilMs)
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
    return handshakeMs - this.#atMs <= PROMPT_HANDSHAKE_MS && this.#ranMs(handshakeMs, atMs) >= Math.max(200, timeoutMs / 2)
  }
}

/** Whether both ends name the same address as the client's: a proxy in between would have one of its own. */
function isDirect({ hello, localAddress }: Connection): boolean {
  const plain = (address: string) => address.replace(/^::ffff:/, '')
  const { peer, via } = hello ?? {}
  return via === undefined && typeof peer === 'string' && localAddress !== undefined && plain(peer) === plain(localAddress)
}
