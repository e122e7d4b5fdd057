import { EventLoopMonitor, EXIT, exit, KernelSockets, type Logger, stopOnSignal, writeReport } from '@nihao/service'
import { type CheckName, selectChecks } from '../../check-names.ts'
import { program } from '../../program.ts'
import type { Report, Reporter, Result, TargetReport } from '../../report/results.ts'
import type { CheckConfig } from '../../settings.ts'
import { type CheckTarget, newCheckTarget } from './check-target.ts'
import { verdictOf } from './report.ts'
import { reporters } from './reporters.ts'
import { runOneCheck } from './run-one-check.ts'
import { untilAnswered, waitForTargets } from './wait.ts'

const EXIT_CODES = { ok: EXIT.ok, failed: EXIT.failed, unreachable: EXIT.notConnected } as const

/** Checks every target once, one after the other, and exits with the code of the verdict. */
export async function runCheck(config: CheckConfig, logger: Logger): Promise<void> {
  const interrupt = new AbortController()
  let signalled: NodeJS.Signals | undefined
  const over = Promise.withResolvers<void>()
  stopOnSignal(logger, async signal => {
    signalled = signal
    interrupt.abort(new Error(`interrupted by ${signal}`))
    await over.promise
    return EXIT[signal as 'SIGINT' | 'SIGTERM']
  })

  const { write, end } = output(logger)
  const reporter = reporters[config.report]()
  const started = new Date()
  const startMs = performance.now()
  const eventLoop = new EventLoopMonitor()
  eventLoop.start()
  const instruments = { kernel: new KernelSockets(), eventLoop }
  const checkTargets = config.targetConfigs.map(target => newCheckTarget(target, instruments, logger))
  await waitForTargets(config.wait, checkTargets, interrupt.signal)
  write(reporter.begin?.())
  const targets: TargetReport[] = []
  for (const target of checkTargets) {
    if (interrupt.signal.aborted) break
    targets.push(await checkTarget(target, selectChecks(config.only, config.skip), interrupt.signal, { reporter, write }))
  }
  const durationMs = Math.round(performance.now() - startMs)
  const report: Report = {
    release: program.version,
    started: started.toISOString(),
    durationMs,
    interrupted: signalled,
    targets,
  }
  const written = await end(reporter.end(report))
  over.resolve()
  const verdict = verdictOf(report)
  if (verdict !== 'interrupted') exit(logger, written ? EXIT_CODES[verdict] : EXIT.failed)
}

async function checkTarget(
  checked: CheckTarget,
  names: readonly CheckName[],
  interrupt: AbortSignal,
  { reporter, write }: { reporter: Reporter; write: (text: string | undefined) => void },
): Promise<TargetReport> {
  const { label: target } = checked
  const results: Result[] = []
  const add = (result: Result) => {
    results.push(result)
    write(reporter.result?.(target, result))
  }
  write(reporter.target?.(target))
  // Runs even if not selected, so that an unreachable target is reported only once.
  const connected = await runOneCheck('connect', checked, interrupt)
  if (connected.verdict !== 'ok' || names.includes('connect')) add(connected)
  if (connected.verdict !== 'ok') return { target, reachable: connected.verdict !== 'failed', results }

  let failed: CheckName | undefined
  let why: string | undefined
  for (const name of names.filter(name => name !== 'connect')) {
    if (failed !== undefined) why ??= await whyNotContinue(failed, checked, interrupt)
    if (interrupt.aborted) why = 'interrupted'
    const result = why === undefined ? await runOneCheck(name, checked, interrupt) : ({ name, verdict: 'skipped', why } as const)
    add(result)
    failed = result.verdict === 'failed' ? name : undefined
  }
  return { target, reachable: true, results }
}

/**
 * Why the remaining checks would fail too after this one; undefined if they may not. The target gets time to recover, for example from a
 * crash.
 */
async function whyNotContinue(failed: CheckName, target: CheckTarget, interrupt: AbortSignal): Promise<string | undefined> {
  if (failed === 'hello' || failed === 'exchange') return `requires ${failed}, which failed`
  const exchange = await untilAnswered(target, target.values.checkTimeout, interrupt)
  return exchange?.verdict === 'ok' ? undefined : `the target has not answered since ${failed} failed`
}

/** Writes the parts of the report in order while checks continue; `end` resolves to false if a part could not be written. */
function output(logger: Logger) {
  let written: Promise<unknown> = Promise.resolve()
  let complete = true
  const write = (text: string | undefined) => {
    if (text === undefined) return
    written = written
      .then(() => (complete ? writeReport(text) : undefined))
      .catch(error => {
        complete = false
        logger.error({ error }, 'could not write the report')
      })
  }
  const end = async (text: string) => {
    write(text)
    await written
    return complete
  }
  return { write, end }
}
