import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../process/support/until.ts'
import type { FaultCase } from './fault-case.ts'
import { HOLD_MS, Laboratory, type ProtocolName } from './laboratory.ts'
import { SERVER } from './network.ts'
import { countFailures, judge, type Outcome, readOutcome, type Span, type Totals, type Verdict } from './outcome.ts'
import { asleepMs, type KernelRow, lastRows, longestGap, monotonicMs } from './witness.ts'

const INTERVAL_MS = 100
const TIMEOUT_MS = 1_000
/** A machine that keeps the witness or the client from running for longer is too busy for these figures. */
const MAX_ASLEEP_MS = 200
const FIRST_SUCCESS_DEADLINE_MS = 90_000
/** An outage that the client has not ended by then is reported as not over. */
const RECOVERY_DEADLINE_MS = 15_000

/** One fault, as the client saw it and as it was. */
export interface Experiment {
  readonly outcome: Outcome
  readonly verdict: Verdict
  /** Length of the fault by the case's clock; undefined: not known. */
  readonly truth: Span | undefined
  /** What the kernel said of each connection just before the client closed it. */
  readonly rows: readonly KernelRow[]
  readonly logs: string
  /** The client's metrics before it stopped. */
  readonly metrics: string
}

/** Sets a case up, causes its fault, ends it, and compares the client's report with the truth. */
export async function experiment(fault: FaultCase, protocol: ProtocolName): Promise<Experiment> {
  await using lab = new Laboratory(protocol)
  const { link = 'veth', host = SERVER, options = '', holdMs = HOLD_MS } = fault
  await lab.connect(link)
  await fault.prepare?.(lab)
  if (!fault.withoutServer) await lab.startServer({ env: fault.serverEnv ?? {} })
  const witness = await lab.startWitness(host)
  await lab.startClient(host, options, {
    NIHAO_INTERVAL: `${INTERVAL_MS}ms`,
    NIHAO_TIMEOUT: `${TIMEOUT_MS}ms`,
    ...fault.clientEnv,
  })
  if (!fault.withoutServer) await until('a first success', () => succeededSince(lab, 0), FIRST_SUCCESS_DEADLINE_MS)
  // The client has a record of a path that works.
  await delay(500)
  await until('the client to work', () => outagesOver(lab), FIRST_SUCCESS_DEADLINE_MS)

  // What fails before the first success is no outage's.
  const earlierFailures = fault.withoutServer ? undefined : countFailures(await targetState(lab))
  const since = new Date().toISOString()
  const injectedMs = monotonicMs()
  const waitedBeforeMs = waitedForCoreMs(lab.client.pid)
  await fault.inject(lab)
  const inEffectMs = monotonicMs()
  await delay(Math.max(0, injectedMs + holdMs - monotonicMs()))
  const healMs = monotonicMs()
  await fault.heal?.(lab)
  const healedMs = monotonicMs()
  await recovered(lab)
  const endMs = monotonicMs()
  const metrics = await lab.page('/metrics').catch(String)
  const waitedMs = waitedForCoreMs(lab.client.pid) - waitedBeforeMs
  await stopClient(lab)

  // The commands that cause and end a fault take a while themselves.
  const laboratory = { leastMs: healMs - inEffectMs, mostMs: healedMs - injectedMs }
  const expectation = { ...fault, ...fault.only?.[protocol] }
  const truth = { witness: longestGap(witness, injectedMs), laboratory, none: undefined }[expectation.clock]
  const outcome = readOutcome(lab.client.logged(), since, earlierFailures)
  const found = judge(outcome, expectation, truth, INTERVAL_MS)
  // The client did not run all the time either: what it says may be right.
  const starved = Math.max(asleepMs(witness, injectedMs), waitedMs) > MAX_ASLEEP_MS
  const verdict = starved && found.startsWith('WRONG') ? 'STARVED' : found
  return { outcome, verdict, truth, rows: lastRows(witness, injectedMs, endMs - 200), logs: lab.logs(), metrics }
}

/** How long the main thread of a process was ready to run but had no core; see schedstat in proc(5). */
function waitedForCoreMs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6
}

/** What the client reports of its target at the moment; undefined while it cannot. */
async function targetState(lab: Laboratory): Promise<(Totals & { lastSuccess: string | null }) | undefined> {
  const page = await lab.page('/targets').catch(() => '')
  return page === '' ? undefined : JSON.parse(page).targets[0]
}

/** Whether an exchange was answered after a moment, in ms since 1970. */
async function succeededSince(lab: Laboratory, sinceMs: number): Promise<boolean> {
  return Date.parse((await targetState(lab))?.lastSuccess ?? '') > sinceMs
}

/** Waits until the exchanges that the fault met are over and the client has ended every outage. */
async function recovered(lab: Laboratory): Promise<void> {
  const healed = Date.now()
  await delay(TIMEOUT_MS + 300)
  const ended = async () => outagesOver(lab) && (await succeededSince(lab, healed))
  await until('the client to recover', ended, RECOVERY_DEADLINE_MS).catch(() => {})
}

const outagesOver = ({ client }: Laboratory) =>
  client.logged({ msg: 'outage began' }).length <= client.logged({ msg: 'outage over' }).length

async function stopClient({ client }: Laboratory): Promise<void> {
  client.kill('SIGTERM')
  await client.exit()
}
