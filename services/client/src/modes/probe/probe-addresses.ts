import { hostname } from 'node:os'
import { Connection } from '../../connect/connection.ts'
import type { ConnectionEvents } from '../../connect/connection-events.ts'
import { FirstSuccess } from '../../outages/availability.ts'
import type { TrackerContext } from '../../outages/outage-tracker.ts'
import { OwnAddresses } from '../../peers/own-addresses.ts'
import { Peer } from '../../peers/peer.ts'
import type { PeerSet } from '../../peers/peer-set.ts'
import { chooseByRendezvous } from '../../peers/rendezvous.ts'
import { Addresses, type Host } from './addresses.ts'
import type { Leaving } from './session.ts'
import { TargetProber } from './target-prober.ts'

export type ProbeContext = Omit<TrackerContext, 'firstSuccess'>

/** An address in use. */
interface Probed {
  readonly prober: TargetProber
  readonly firstSuccess: FirstSuccess
  /** Undefined for a name without an address. */
  readonly peer: Peer | undefined
}

const NO_OWNER: ConnectionEvents = { answered() {}, closed() {} }

/** While a server drains, the name is looked up this often. */
const DRAIN_LOOK_UP_MS = 200

/**
 * Probes each address of a name separately, as addresses come and go.
 * @returns stops it
 */
export function probeAddresses(context: ProbeContext, name: string, peers: PeerSet): () => Promise<void> {
  const probed = new Map<Host, Probed>()
  const draining = new Map<Host, Leaving>()
  const ending = new Set<Promise<void>>()
  const stopping = new AbortController()
  const { target, log } = context
  const { resolveInterval, peers: maximum, skipSelf, family } = target.values
  const identity = target.values.identity || hostname()
  let drainTimer: NodeJS.Timeout | undefined

  const own = new OwnAddresses({ identity, ask, changed: () => addresses.chooseAgain() })

  function choose(named: readonly string[]): readonly string[] {
    const others = skipSelf ? own.othersOf(named) : named
    peers.alone = others.length === 0
    return maximum === null ? others : chooseByRendezvous(identity, others, maximum)
  }

  async function ask(host: string): Promise<string | undefined> {
    const connection = await target.connector.connect(NO_OWNER, stopping.signal, { host })
    if (!(connection instanceof Connection)) return undefined
    connection.finish(target.values.timeout)
    return connection.hello && String(connection.hello.server)
  }

  function end(host: Host): void {
    const { prober, peer } = probed.get(host) ?? {}
    if (peer !== undefined) peers.remove(peer)
    if (draining.has(host)) handedOver(peer)
    probed.delete(host)
    draining.delete(host)
    if (prober === undefined) return
    const ended = prober.stop()
    ending.add(ended)
    void ended.then(() => ending.delete(ended))
  }

  /** A server that stops as planned is left for the others. */
  function handedOver(peer: Peer | undefined): void {
    target.statistics.handedOver()
    const details = { peer: peer?.address, left: peer?.server }
    log.add({ level: 'info', message: 'handover', messageOfMany: 'handovers', kind: { reason: 'drain' }, details })
  }

  function found(host: Host, first: boolean): void {
    // A name without addresses fails where it worked before.
    const up = host === undefined && target.counters.lastSuccessMs > 0
    const firstSuccess = new FirstSuccess(host === undefined ? target.logger : target.logger.child({ peer: host }), up)
    const peer = host === undefined ? undefined : new Peer(host, server => own.met(host, server))
    const leaving = (leaving: Leaving) => leave(host, leaving)
    const patient = !first && host !== undefined
    const peerLog = host === undefined ? log : log.with({ peer: host })
    peers.alone = false
    if (peer !== undefined) peers.add(peer)
    probed.set(host, {
      peer,
      firstSuccess,
      prober: new TargetProber({ ...context, log: peerLog, firstSuccess, peer, host, patient, leaving }),
    })
  }

  function leave(host: Host, leaving: Leaving): void {
    if (!probed.has(host)) return
    addresses.lookUpNow()
    if (leaving === 'suspected' || draining.get(host) === 'drained') return
    draining.set(host, leaving)
    leaveDraining()
  }

  /** A server that drains is left when another one works, or when the drain is over; at once if the name has an address to use instead. */
  function leaveDraining(): void {
    clearTimeout(drainTimer)
    const others = [...probed].filter(([host]) => host !== undefined && !draining.has(host))
    const working = others.some(([, { firstSuccess }]) => firstSuccess.up)
    for (const [host, leaving] of draining) {
      const replaceable = others.length > 0 ? working || leaving === 'drained' : addresses.spare
      if (replaceable) addresses.leave(host)
    }
    if (draining.size === 0) return
    drainTimer = setTimeout(() => {
      addresses.lookUpNow()
      leaveDraining()
    }, DRAIN_LOOK_UP_MS)
  }

  const events = { found, gone: end }
  const addresses = new Addresses({
    name,
    family: family === 'both' ? 0 : family,
    intervalMs: resolveInterval,
    choose,
    events,
    logger: target.logger,
  })
  void addresses.follow()
  return async () => {
    clearTimeout(drainTimer)
    addresses.stop()
    stopping.abort()
    draining.clear()
    for (const host of [...probed.keys()]) end(host)
    await Promise.all(ending)
  }
}
