import { hostname } from 'node:os'
import { integer, oneOf, type PageOf, QueryError, quote, readQuery, spans, text } from '@nihao/service'
import { documentPage, html, preferredLanguage } from '@nihao/service/page'
import { program } from '../program.ts'
import type { Records, TargetHistory } from '../records.ts'
import type { ProbeValues } from '../settings.ts'
import type { Target } from '../target.ts'
import { type EventGroup, eventGroups, eventsSection } from './events-section.ts'
import { peersSection } from './peers-section.ts'
import { connectionsSection, figuresSection, plotSection } from './target-sections.ts'
import { targetStates, viewOf } from './target-view.ts'
import { targetSorts, targetsSection } from './targets-section.ts'
import { verdictOf } from './verdict.ts'
import { clientWords } from './words.ts'

export interface ClientPage {
  readonly targets: readonly Target<ProbeValues>[]
  readonly history: TargetHistory
  readonly records: Records
  readonly stopping: () => boolean
}

const PARAMETERS = {
  target: { format: text, default: '' },
  span: { format: oneOf(...spans), default: '15m' },
  sort: { format: oneOf(...targetSorts), default: 'state' },
  state: { format: oneOf('all', ...targetStates), default: 'all' },
  filter: { format: text, default: '' },
  rows: { format: integer(1, 10_000), default: '100' },
  kind: { format: oneOf(...(Object.keys(eventGroups) as EventGroup[])), default: 'all' },
  events: { format: integer(1, 1_000), default: '6' },
}

/** The page at `/`: all targets, or the one in the query. */
export function clientPage({ targets, history, records, stopping }: ClientPage): PageOf {
  const place = hostname()
  return async (query, headers) => {
    const { target: label, span, sort, state, filter, rows, kind, events } = readQuery(query, PARAMETERS)
    const language = preferredLanguage(headers['accept-language'])
    const words = clientWords[language]
    const selected = targets.find(target => target.label === label)
    if (label !== '' && selected === undefined)
      throw new QueryError(`unknown target ${quote(label)}: must be one that /targets lists`)
    const views = (selected === undefined ? targets : [selected]).map(target => viewOf(target, history))
    const about = selected?.label
    const lastOutage = records.events.read({ kind: 'outage_over', about }).at(-1)
    const common = { query, words, language }
    const eventList = eventsSection({ ...common, log: records.events, group: kind, about, limit: events })
    const view = selected && { ...common, target: selected, history, span }
    return documentPage({
      language,
      program,
      place,
      links: ['/targets', '/connections', '/events', '/metrics'],
      verdict: await verdictOf(views, { words, language, stopping: stopping(), lastOutage, only: about }),
      content:
        view === undefined
          ? [
              eventList,
              targetsSection({ ...common, views, history, span, sort, state, filter, rows }),
              peersSection(targets, words),
            ]
          : [
              html`<p data-key="overview"><a href="/">← ${words.overview}</a></p>`,
              plotSection(view),
              peersSection([view.target], words),
              eventList,
              connectionsSection(view),
              figuresSection(view),
            ],
    })
  }
}
