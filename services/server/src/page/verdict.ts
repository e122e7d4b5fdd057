import { duration, integer, type Language, percentage, sum, type Verdict } from '@nihao/service/page'
import type { ListenerHistory } from '../listener-history.ts'
import type { Server } from '../server.ts'
import type { DrainProgress } from './drain-progress.ts'
import type { ServerWords } from './words.ts'

export interface VerdictContext {
  readonly server: Server
  readonly history: ListenerHistory
  readonly drain: DrainProgress | undefined
  readonly words: ServerWords
  readonly language: Language
}

/** From this share of the buffer limit on, connections are slowed down. */
const NEAR_BUFFER_LIMIT = 0.8
const MINUTE_CELLS = 60

/** Whether the server serves, drains, or is at one of its limits. */
export function verdictOf({ server, history, drain, words, language }: VerdictContext): Verdict {
  const { listeners, budget } = server
  const open = listeners.reduce((total, { active }) => total + active, 0)
  const rejectedIn = (cells?: number) =>
    sum(
      listeners
        .flatMap(
          ({ label }) =>
            history.read(label, '15m', { columns: ['rejected'], ...(cells !== undefined && { cells }) }).columns.rejected,
        )
        .filter(count => !Number.isNaN(count)),
    )
  const say = (condition: Verdict['condition'], announcement: string, details: readonly string[], rest = '') => ({
    condition,
    announcement,
    headline: announcement + rest,
    details,
  })
  const uptime = words.uptime(duration(process.uptime() * 1_000, language))
  const state = server.notReady()
  if (state === 'draining') {
    const { headline, details } = drainText(drain, open, words, language)
    return say('warn', words.draining, [...details, uptime], headline)
  }
  if (state !== undefined) return say('idle', words.starting, [])
  const recent = rejectedIn(MINUTE_CELLS)
  const rejected = recent > 0 ? ` · ${words.rejecting(integer(recent))}` : ''
  const full = listeners
    .filter(({ active, limit }) => active >= limit)
    .map(({ label, active, limit }) => `${label} (${integer(active)}/${integer(limit)})`)
  if (full.length > 0) return say('bad', words.atLimit(full.join(', ')), [words.connectionCount(open), uptime], rejected)
  const share = budget.bytes / budget.limitBytes
  if (share > NEAR_BUFFER_LIMIT)
    return say('warn', words.nearBuffer(percentage(share)), [words.connectionCount(open), uptime], rejected)
  const earlier = rejectedIn()
  const rejections = earlier === 0 ? words.notRejecting : words.rejectedRecently(integer(earlier))
  return {
    ...say('good', words.serving(words.connectionCount(open)), [`${rejections} ${uptime}`]),
    announcement: words.serving(''),
  }
}

function drainText(drain: DrainProgress | undefined, open: number, words: ServerWords, language: Language) {
  if (drain === undefined) return { headline: '', details: [] }
  const { stage, sinceMs, connections } = drain
  const left = (ms: number) => duration(sinceMs + ms - performance.now(), language)
  if (stage.stage === 'accepting')
    return { headline: ` · ${words.accepting(left(stage.delayMs))}`, details: [words.connectionCount(open)] }
  const progress = words.closing(integer(open), integer(Math.max(open, connections)))
  if (stage.stage === 'terminating') return { headline: ` · ${words.terminating}`, details: [progress] }
  return { headline: ` · ${progress}`, details: open > 0 ? [words.terminateIn(left(stage.timeoutMs))] : [] }
}
