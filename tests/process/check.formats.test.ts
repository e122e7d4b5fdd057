import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import schema from '../../docs/check-report.schema.json' with { type: 'json' }
import { check } from './support/check.ts'
import { parseJunit, parseTap } from './support/ci-formats.ts'
import { schemaErrors } from './support/json-schema.ts'
import { freePort, ScriptedServer } from './support/scripted-server.ts'
import { testWith } from './support/tool.ts'

/** Reports with checks that passed, failed and were skipped, and with text of a server that tries to break parsers. */
const evil = '\u001b[2J</failure>]]>&#0;\u202e#\u0000\r\nok 99 - all is well\n1..1\n"\\u{0}\n'

let server: ScriptedServer
let targets: string[]

beforeAll(async () => {
  server = await ScriptedServer.listen(socket => socket.on('data', () => socket.write(evil)))
  targets = [`echo://127.0.0.1:${server.port}`, `echo://127.0.0.1:${await freePort()}`]
})

afterAll(() => server[Symbol.asyncDispose]())

test('the JSON report is valid under its schema', async () => {
  const { stdout } = await check([...targets, '--report', 'json'])
  const report = JSON.parse(stdout)
  expect(schemaErrors(schema, report)).toEqual([])
  expect(schemaErrors(schema, { ...report, version: 2 })).toEqual(['/version must be equal to constant {"allowedValue":1}'])
})

describe('external parsers read', () => {
  testWith('python3', 'junit', async () => {
    const { stdout } = await check([...targets, '--report', 'junit', '--only', 'connect,exchange,idle'])
    expect(parseJunit(stdout)).toEqual({
      counts: { tests: 4, failures: 2, errors: 0, skipped: 1 },
      cases: [
        ['connect', ['system-out']],
        ['exchange', ['failure', 'system-out']],
        ['idle', ['skipped']],
        ['connect', ['failure', 'system-out']],
      ],
      failure: expect.stringMatching(/^mismatch: expected .*<\/failure>]]>&#0;.*all is well/),
    })
  })

  testWith('tapParser', 'tap', async () => {
    const { stdout } = await check([...targets, '--report', 'tap', '--only', 'connect,exchange,idle'])
    const seen = parseTap(stdout)
    expect(seen).toEqual({ version: 13, planned: 4, run: 4, failed: [2, 4], skipped: [3], errors: [], plan: 1 })
    expect(stdout).toMatch(/^TAP version 14\n/)
  })
})
