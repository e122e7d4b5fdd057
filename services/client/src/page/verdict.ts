import type { LoggedEvent } from '@nihao/service'
import { duration, type Language, timeOfDay, type Verdict } from '@nihao/service/page'
import { attributionOf, type TargetView } from './target-view.ts'
import type { ClientWords } from './words.ts'

export interface VerdictContext {
  readonly words: ClientWords
  readonly language: Language
  readonly stopping: boolean
  readonly lastOutage: LoggedEvent | undefined
  /** The target that the page is about; undefined for all. */
  readonly only: string | undefined
}

const NAMED = 3

/** What is wrong, on whose side, and for how long, in a sentence. */
export async function verdictOf(views: readonly TargetView[], context: VerdictContext): Promise<Verdict> {
  const { words, language, stopping, lastOutage, only } = context
  const say = (state: string, ofAll: string) => (only === undefined ? ofAll : words.one(only, state))
  const total = views.length
  const failing = views.filter(({ state }) => state === 'failing')
  const silent = views.filter(({ state }) => state === 'silent')
  const announce = (condition: Verdict['condition'], announcement: string, details: readonly string[], rest = '') => ({
    condition,
    announcement,
    headline: announcement + rest,
    details,
  })
  if (stopping) return announce('idle', words.stopping, [])
  if (failing.length > 0)
    return announce(
      'bad',
      say(words.states.failing, words.failing(failing.length, total)),
      named(failing, words),
      await circumstances(failing, context),
    )
  if (silent.length > 0) return announce('warn', say(words.noResults, words.silent(silent.length, total)), named(silent, words))
  if (views.every(({ state }) => state === 'untried')) return announce('idle', words.waiting, named(views, words))
  const history = lastOutage === undefined ? words.quiet : words.lastOutage(timeOfDay(Date.parse(lastOutage.time)))
  return announce('good', say(words.states.good, words.allGood(total)), [history])

  async function circumstances(views: readonly TargetView[], { words }: VerdictContext): Promise<string> {
    const attributions = await Promise.all(views.slice(0, 10).map(attributionOf))
    const sides = new Set(attributions.map(attribution => attribution?.side ?? 'unknown'))
    const named = [...sides].map(side => (side === 'unknown' ? words.sideOpen : words.sides[side])).join(', ')
    const sinceMs = Math.min(...views.map(({ failingSinceMs }) => failingSinceMs ?? Number.POSITIVE_INFINITY))
    const lasting = Number.isFinite(sinceMs) ? words.lasting(duration(performance.now() - sinceMs, language)) : words.never
    return ` · ${named} · ${lasting}`
  }
}

function named(views: readonly TargetView[], words: ClientWords): string[] {
  const names = views.slice(0, NAMED).map(({ label, reason }) => (reason === undefined ? label : `${label} (${reason})`))
  return [views.length > NAMED ? `${names.join(', ')} ${words.more(views.length - NAMED)}` : names.join(', ')]
}
