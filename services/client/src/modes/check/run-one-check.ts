import { printable } from '@nihao/service'
import type { CheckName } from '../../check-names.ts'
import type { Figures, Result } from '../../report/results.ts'
import { round } from '../../round.ts'
import { hintFor, limitOf } from './check.ts'
import { CheckContext } from './check-context.ts'
import { CheckFailure } from './check-failure.ts'
import type { CheckTarget } from './check-target.ts'
import { checks } from './checks.ts'
import { sideOfFailure } from './side-of-failure.ts'

/**
 * Runs one check on one target.
 * @param interrupt ends the check, which then counts as skipped
 */
export async function runOneCheck(name: CheckName, target: CheckTarget, interrupt: AbortSignal): Promise<Result> {
  const check = checks[name]
  const skipReason = check.skipReason?.(target.protocol)
  if (skipReason !== undefined) return { name, verdict: 'skipped', why: skipReason }

  const limitMs = limitOf(check, target.values)
  const overdue = new AbortController()
  const late = Object.assign(new Error(`not completed within ${limitMs} ms`), { code: 'ETIMEDOUT' })
  // What arrived while this process was busy is read first.
  const timer = setTimeout(() => setImmediate(() => overdue.abort(late)), limitMs)
  using context = new CheckContext(target, limitMs, AbortSignal.any([interrupt, overdue.signal]))
  const startMs = performance.now()
  const common = (figures: Figures) => ({
    name,
    durationMs: round(performance.now() - startMs),
    limitMs,
    figures: clean(figures),
  })
  try {
    const figures = await check.run(context)
    return { verdict: 'ok', ...common(figures) }
  } catch (error) {
    if (interrupt.aborted) return { name, verdict: 'skipped', why: 'interrupted' }
    if (!(error instanceof CheckFailure)) throw error
    const { reason, message, figures } = error
    const failed = { verdict: 'failed', ...common(figures), reason, detail: printable(message) } as const
    return { ...failed, ...(await sideOfFailure(error, target, interrupt)), meaning: hintFor(check, reason, figures) }
  } finally {
    clearTimeout(timer)
  }
}

/** Rounds numbers to three decimals, and makes text safe for terminals. */
function clean(figures: Figures): Figures {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [name, typeof value === 'number' ? round(value) : printable(value)]),
  )
}
