import type { PageOf } from './admin.ts'
import { json } from './admin-page.ts'
import type { EventLog } from './event-log.ts'
import { integer, oneOf, optional, text } from './formats.ts'
import { QueryError, readQuery } from './page-query.ts'
import { quote } from './settings.ts'

/**
 * Events as JSON, the oldest first: `?since=ID&kind=…&target=…`.
 * @param by the name of what events are about, as a parameter and in each event
 * @param listedAt the page that lists these
 */
export function eventsPage(log: EventLog, by: 'listener' | 'target', labels: () => readonly string[], listedAt: string): PageOf {
  const parameters = {
    since: { format: integer(0, Number.MAX_SAFE_INTEGER), default: '0' },
    kind: { format: optional(oneOf(...log.kinds)), default: '' },
    [by]: { format: text, default: '' },
  } as const
  return query => {
    const {
      since,
      kind,
      [by]: about,
    } = readQuery(query, parameters) as {
      readonly since: number
      readonly kind: string | null
      readonly [by: string]: unknown
    }
    if (about !== '' && !labels().includes(String(about))) {
      throw new QueryError(`unknown ${by} ${quote(String(about))}: must be one that ${listedAt} lists`)
    }
    const events = log.read({ since, kind: kind ?? undefined, about: about === '' ? undefined : String(about) })
    return json(200, {
      startedAt: log.startedAt,
      lastId: log.lastId,
      events: events.map(({ id, time, kind, about, fields }) => ({ id, time, kind, [by]: about, ...fields })),
    })
  }
}
