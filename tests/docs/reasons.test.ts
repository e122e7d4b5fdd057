import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { EXIT } from '@nihao/service'
import { checkNames } from '../../services/client/src/check-names.ts'
import { clientEventKinds } from '../../services/client/src/client-events.ts'
import { closeReasons as clientCloseReasons } from '../../services/client/src/connect/close-reason.ts'
import { failureReasons } from '../../services/client/src/failure.ts'
import { closeReasons, rejectReasons } from '../../services/server/src/reasons.ts'
import { serverEventKinds } from '../../services/server/src/recorded-events.ts'
import { handshakeFailures } from '../../services/server/src/tls/handshakes.ts'
import { page, rows } from './pages.ts'

const eventKinds = [...new Set([...clientEventKinds, ...serverEventKinds])]

test.each([
  ['docs/admin-port.md', 'Events', eventKinds],
  ['docs/metrics.md', 'Why a connection was closed', closeReasons],
  ['docs/metrics.md', 'Why a connection was rejected', rejectReasons],
  ['docs/metrics.md', 'Why a TLS handshake failed', handshakeFailures],
  ['docs/metrics.md', 'Why a connection attempt or an exchange failed', failureReasons],
  ['docs/metrics.md', "Why the client's connections ended", clientCloseReasons],
  ['docs/settings.md', 'check', checkNames],
  ['docs/settings.md', 'Exit codes', Object.values(EXIT).map(String)],
])('%s, %s: the table lists exactly the values in the code', (path, heading, values) => {
  expect(rows(page(path), heading).sort()).toEqual([...values].sort())
})

test('the schema of events has exactly the kinds in the code', () => {
  const { $defs } = JSON.parse(readFileSync('docs/events.schema.json', 'utf8'))
  expect($defs.event.properties.kind.enum.sort()).toEqual([...eventKinds].sort())
})
