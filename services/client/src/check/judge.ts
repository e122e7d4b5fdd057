import { printable } from '@nihao/service'
import { limitOf, meaningOf } from './check.ts'
import { CheckFailure } from './check-failure.ts'
import { checks } from './checks.ts'
import type { CheckName } from './names.ts'
import type { Figures, Result } from './report.ts'
import { type CheckTarget, Scene } from './scene.ts'

/**
 * Makes one check on one target.
 * @param interrupt gives it up: the check then counts as skipped
 */
export async function judge(name: CheckName, config: CheckTarget, interrupt: AbortSignal): Promise<Result> {
  const check = checks[name]
  const unfit = check.unfit?.(config.endpoint.protocol)
  if (unfit !== undefined) return { name, verdict: 'skipped', why: unfit }

  const limitMs = limitOf(check, config.values)
  const overdue = new AbortController()
  const late = Object.assign(new Error(`not done within ${limitMs} ms`), { code: 'ETIMEDOUT' })
  const timer = setTimeout(() => overdue.abort(late), limitMs)
  using scene = new Scene(config, AbortSignal.any([interrupt, overdue.signal]))
  const startMs = performance.now()
  const judged = (figures: Figures) => ({
    name,
    durationMs: round(performance.now() - startMs),
    limitMs,
    figures: clean(figures),
  })
  try {
    const figures = await check.run(scene)
    return { verdict: 'ok', ...judged(figures) }
  } catch (error) {
    if (interrupt.aborted) return { name, verdict: 'skipped', why: 'interrupted' }
    if (!(error instanceof CheckFailure)) throw error
    const { reason, message, figures } = error
    return { verdict: 'failed', ...judged(figures), reason, detail: printable(message), meaning: meaningOf(check, reason) }
  } finally {
    clearTimeout(timer)
  }
}

/** Times to the microsecond, and nothing that could steer a terminal. */
function clean(figures: Figures): Figures {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [name, typeof value === 'number' ? round(value) : printable(value)]),
  )
}

const round = (value: number) => Math.round(value * 1_000) / 1_000
