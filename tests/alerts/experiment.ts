import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../process/support/until.ts'
import type { Fault } from './faults.ts'
import { Laboratory } from './laboratory.ts'
import { type Images, Pair } from './pair.ts'
import { Prometheus } from './prometheus.ts'

/** Containers that are started at a time. */
const STARTS = 4

/** Any alert that a fault fires does so within this time after those that are expected. */
const SETTLE_MS = 15_000

/** For the alerts that are expected. */
const DEADLINE_MS = 120_000

export interface Options {
  readonly images: Images
  /** An hour of the rules in so many parts of an hour. */
  readonly divisor: number
  /** Alerts that say more about the machine that runs this than about the fault. */
  readonly ignored?: readonly string[]
  /** The shortest time without a fault. */
  readonly healthMs?: number
  /** Rejects to end the experiment early. */
  readonly interrupted?: Promise<never>
  /** Called while no fault has begun that is not configured from the start. */
  healthy?(prometheus: Prometheus): Promise<void>
  /** Called at the end, while Prometheus still runs. */
  finished?(prometheus: Prometheus): Promise<void>
  report?(progress: string): void
}

export interface Outcome {
  readonly fault: Fault
  /** Names of alerts, sorted. */
  readonly fired: readonly string[]
}

export const jobOf = ({ name }: Pick<Fault, 'name'>) => `nihao-${name}`

/** Causes all faults at once, each between a server and a client of its own, with one Prometheus for all. */
export async function experiment(faults: readonly Fault[], options: Options): Promise<readonly Outcome[]> {
  await using laboratory = new Laboratory()
  using stack = new DisposableStack()
  const pairs = faults.map(fault => ({ fault, pair: stack.use(new Pair(fault.name, fault, laboratory, options.images)) }))
  const prometheus = stack.use(new Prometheus())
  const { interrupted = new Promise<never>(() => {}) } = options
  return await Promise.race([conduct(laboratory, pairs, prometheus, options), interrupted])
}

type FaultyPair = { readonly fault: Fault; readonly pair: Pair }

async function conduct(
  laboratory: Laboratory,
  pairs: readonly FaultyPair[],
  prometheus: Prometheus,
  options: Options,
): Promise<readonly Outcome[]> {
  const { divisor, ignored = [], healthMs = 0, report = () => {} } = options
  await startAll(pairs)
  await prometheus.start(
    laboratory,
    divisor,
    pairs.map(scrapeConfig),
    pairs.map(({ pair }) => pair.network),
  )
  const startMs = performance.now()
  report(`${pairs.length} pairs are running`)
  // Until a target has been watched for this long, NihaoErrorBudgetFastBurn says nothing.
  const watched = `group by (job) (target:tcp_client_exchange_success:ratio_rate5m offset ${Math.ceil(3_600 / divisor)}s)`
  const enough = async () => (await prometheus.query(watched)).length === pairs.length
  await until('all targets to be watched for long enough', enough, 180_000)
  await options.healthy?.(prometheus)

  report('the faults begin')
  const begun = Promise.all(pairs.map(({ fault, pair }) => fault.begin?.(pair)))
  const outcomes = async (): Promise<readonly Outcome[]> => {
    const fired = await prometheus.fired()
    const of = (fault: Fault) => (fired.get(jobOf(fault)) ?? []).filter(name => !ignored.includes(name))
    return pairs.map(({ fault }) => ({ fault, fired: of(fault) }))
  }
  const complete = async () => (await outcomes()).every(({ fault, fired }) => fault.alerts.every(name => fired.includes(name)))
  await Promise.all([begun, until('the alerts', complete, DEADLINE_MS).catch(() => {})])
  report('now for alerts that should not fire')
  await delay(Math.max(SETTLE_MS, healthMs - (performance.now() - startMs)))
  await options.finished?.(prometheus)
  return outcomes()
}

/** Starts a few at a time. */
async function startAll(pairs: readonly FaultyPair[]): Promise<void> {
  const waiting = [...pairs]
  const start = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next.pair.start(next.fault.prepare)
  }
  await Promise.all(Array.from({ length: STARTS }, start))
}

function scrapeConfig({ fault, pair }: FaultyPair): object {
  const targets = [`${pair.clientName}:9465`]
  if (!fault.discovered) targets.push(`${pair.serverName}:9464`)
  return {
    job_name: jobOf(fault),
    static_configs: [{ targets }],
    ...(fault.discovered && {
      dns_sd_configs: [{ names: [pair.serverName], type: 'A', port: 9464, refresh_interval: '1s' }],
    }),
  }
}
