import { integer, oneOf, type PageOf, QueryError, quote, readQuery, spans, text } from '@nihao/service'
import { documentPage, html, preferredLanguage } from '@nihao/service/page'
import { describeFaults } from '../faults/faults.ts'
import type { ListenerHistory } from '../listener-history.ts'
import type { Server } from '../server.ts'
import { connectionSorts, connectionsSection } from './connections-section.ts'
import { followDrain } from './drain-progress.ts'
import { listenersSection } from './listeners-section.ts'
import { reasonsSections } from './reasons-sections.ts'
import { trafficSection } from './traffic-section.ts'
import { verdictOf } from './verdict.ts'
import { type ServerWords, serverWords } from './words.ts'

export interface ServerPage {
  readonly program: { readonly name: string; readonly version: string }
  readonly server: Server
  readonly history: ListenerHistory
}

const PARAMETERS = {
  listener: { format: text, default: '' },
  span: { format: oneOf(...spans), default: '15m' },
  sort: { format: oneOf(...connectionSorts), default: 'age' },
  filter: { format: text, default: '' },
  rows: { format: integer(1, 1_000), default: '50' },
}

/** The page at `/`: the state of the server, or of the connections of one listener in the query. */
export function serverPage({ program, server, history }: ServerPage): PageOf {
  const progress = followDrain(server.events)
  const { listeners } = server
  return (query, headers) => {
    const { listener, span, sort, filter, rows } = readQuery(query, PARAMETERS)
    if (listener !== '' && !history.has(listener))
      throw new QueryError(`unknown listener ${quote(listener)}: must be one that /connections lists`)
    const language = preferredLanguage(headers['accept-language'])
    const words = serverWords[language]
    const selected = listeners.filter(({ label }) => listener === '' || label === listener)
    return documentPage({
      language,
      program,
      place: server.name,
      links: ['/connections', '/events', '/metrics'],
      verdict: verdictOf({ server, history, drain: progress(), words, language }),
      content: [
        faultsBanner(server, words),
        listenersSection(listeners, history, words),
        trafficSection({ listeners: selected, history, query, span, words }),
        reasonsSections(selected, words),
        connectionsSection({ listeners, listener, query, sort, filter, rows, words, language }),
      ],
    })
  }
}

function faultsBanner({ listeners }: Server, words: ServerWords) {
  const faulty = listeners.flatMap(({ label, faults }) =>
    faults === undefined ? [] : [`${label} ${describe(describeFaults(faults.settings))}`],
  )
  return (
    faulty.length > 0 &&
    html`<section class="banner" data-key="faults"><strong><span aria-hidden="true">! </span>${words.faults}</strong><span>${words.faultsNote} ${faulty.join(', ')}</span></section>`
  )
}

const describe = (faults: object) =>
  Object.entries(faults)
    .map(([name, value]) => `${name}=${typeof value === 'object' ? Object.values(value).join() : value}`)
    .join(' ')
