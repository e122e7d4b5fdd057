import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import schema from '../../docs/check-report.schema.json' with { type: 'json' }
import { check } from './support/check.ts'
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

/** Runs an external parser that prints JSON. */
function parse(command: string, args: readonly string[], input: string): Record<string, unknown> {
  const { status, stdout, stderr } = spawnSync(command, args, { input, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr}`)
  return JSON.parse(stdout)
}

const READ_XML = `
import json, sys
from xml.etree import ElementTree
root = ElementTree.fromstring(sys.stdin.buffer.read())
cases = [[case.get('name'), [child.tag for child in case]] for case in root.iter('testcase')]
failure = root.find('.//failure')
print(json.dumps({'counts': {name: int(root.get(name)) for name in ('tests', 'failures', 'errors', 'skipped')}, 'cases': cases, 'failure': failure.get('message')}))`

const READ_TAP = `
use TAP::Parser; use JSON::PP; local $/;
my $parser = TAP::Parser->new({ tap => scalar <STDIN> });
$parser->run;
print encode_json({ version => 0 + $parser->version, planned => 0 + $parser->tests_planned, run => 0 + $parser->tests_run,
  failed => [map { 0 + $_ } $parser->failed], skipped => [map { 0 + $_ } $parser->skipped], errors => [$parser->parse_errors], plan => $parser->is_good_plan ? 1 : 0 });`

test('the JSON report is valid under its schema', async () => {
  const { stdout } = await check([...targets, '--report', 'json'])
  const report = JSON.parse(stdout)
  expect(schemaErrors(schema, report)).toEqual([])
  expect(schemaErrors(schema, { ...report, version: 2 })).toEqual(['/version must be equal to constant {"allowedValue":1}'])
})

describe('external parsers read', () => {
  testWith('python3', 'junit', async () => {
    const { stdout } = await check([...targets, '--report', 'junit', '--only', 'connect,exchange,idle'])
    expect(parse('/usr/bin/python3', ['-c', READ_XML], stdout)).toEqual({
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
    const seen = parse('perl', ['-e', READ_TAP], stdout.replace('TAP version 14', 'TAP version 13'))
    expect(seen).toEqual({ version: 13, planned: 4, run: 4, failed: [2, 4], skipped: [3], errors: [], plan: 1 })
    // The parser supports TAP up to version 13; of the additions of version 14, only escapes are used.
    expect(stdout).toMatch(/^TAP version 14\n/)
  })
})
