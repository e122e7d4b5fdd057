import { FirstSuccess } from '../../outages/availability.ts'
import type { TrackerContext } from '../../outages/outage-tracker.ts'
import { Addresses, type Host } from './addresses.ts'
import type { Leaving } from './session.ts'
import { TargetProber } from './target-prober.ts'

export type ProbeContext = Omit<TrackerContext, 'firstSuccess'>

/** While a server drains, the name is looked up this often. */
const DRAIN_LOOK_UP_MS = 200

/**
 * Probes each address of a name separately, as addresses come and go.
 * @returns stops it
 */
export function probeAddresses(context: ProbeContext, name: string): () => Promise<void> {
  const probers = new Map<Host, { readonly prober: TargetProber; readonly firstSuccess: FirstSuccess }>()
  const draining = new Map<Host, Leaving>()
  const ending = new Set<Promise<void>>()
  const { target } = context
  let drainTimer: NodeJS.Timeout | undefined

  function end(host: Host): void {
    const ended = probers.get(host)?.prober.stop() ?? Promise.resolve()
    probers.delete(host)
    draining.delete(host)
    ending.add(ended)
    void ended.then(() => ending.delete(ended))
  }

  function found(host: Host, first: boolean): void {
    // A name without addresses fails where it worked before.
    const up = host === undefined && target.good
    const firstSuccess = new FirstSuccess(host === undefined ? target.logger : target.logger.child({ address: host }), up)
    const leaving = (leaving: Leaving) => leave(host, leaving)
    probers.set(host, {
      firstSuccess,
      prober: new TargetProber({ ...context, firstSuccess, host, patient: !first && host !== undefined, leaving }),
    })
  }

  function leave(host: Host, leaving: Leaving): void {
    if (!probers.has(host)) return
    addresses.lookUpNow()
    if (leaving === 'suspected' || draining.get(host) === 'drained') return
    draining.set(host, leaving)
    leaveDraining()
  }

  /** A server that drains is left when another one works, or when the drain is over and there is another one. */
  function leaveDraining(): void {
    clearTimeout(drainTimer)
    const others = [...probers].filter(([host]) => host !== undefined && !draining.has(host))
    const working = others.some(([, { firstSuccess }]) => firstSuccess.up)
    for (const [host, leaving] of draining) if (working || (leaving === 'drained' && others.length > 0)) addresses.leave(host)
    if (draining.size === 0) return
    drainTimer = setTimeout(() => {
      addresses.lookUpNow()
      leaveDraining()
    }, DRAIN_LOOK_UP_MS)
  }

  const addresses = new Addresses(name, target.values.resolveInterval, { found, gone: end }, target.logger)
  void addresses.follow()
  return async () => {
    clearTimeout(drainTimer)
    addresses.stop()
    for (const host of [...probers.keys()]) end(host)
    await Promise.all(ending)
  }
}
