import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import { printable } from '@nihao/service'
import type { Report, Result } from '../../report/results.ts'
import { verdictOf } from './report.ts'
import { reporters } from './reporters.ts'

const judged = { durationMs: 12.345, limitMs: 10_000 }
const nasty = printable('<b a="1">&\'#\\ ]]>\u001b[2J\n1..0\u202e你好')

const results: Result[] = [
  { name: 'connect', verdict: 'ok', ...judged, figures: { tcpMs: 0.412, local: '127.0.0.1:5' } },
  { name: 'hello', verdict: 'ok', ...judged, figures: { server: nasty } },
  {
    name: 'large',
    verdict: 'failed',
    ...judged,
    durationMs: 3_000,
    figures: { sentBytes: 4_194_304, mebibytesPerSecond: 12.34 },
    reason: 'mismatch',
    detail: nasty,
    meaning: 'Bytes are changed.',
  },
  {
    name: 'sizes',
    verdict: 'failed',
    ...judged,
    figures: {},
    reason: 'eof',
    detail: 'the server closed (FIN)',
    side: 'server',
    evidence: 'server_closed',
    meaning: 'A limit.',
  },
  { name: 'idle', verdict: 'skipped', why: 'a #server of \\ none' },
]

const report: Report = {
  release: '0.1.0',
  started: '2026-01-02T03:04:05.678Z',
  durationMs: 3_050,
  interrupted: undefined,
  targets: [
    { target: 'echo://a:1', reachable: true, results },
    {
      target: 'echo+unix:///tmp/a&b#c',
      reachable: false,
      results: [
        {
          name: 'connect',
          verdict: 'failed',
          ...judged,
          figures: {},
          reason: 'refused',
          detail: 'no connection',
          meaning: 'Nobody listens.',
        },
      ],
    },
  ],
}

function render(form: keyof typeof reporters, { targets, ...rest }: Report = report): string {
  const reporter = reporters[form]()
  const parts = targets.map(({ target, results }) => [
    reporter.target?.(target),
    ...results.map(result => reporter.result?.(target, result)),
  ])
  return [reporter.begin?.(), ...parts.flat(), reporter.end({ targets, ...rest })].join('')
}

test('text has aligned columns', () => {
  expect(stripVTControlCharacters(render('text'))).toBe(`echo://a:1
  ok       connect             12.3 ms  tcp 0.41 ms, local 127.0.0.1:5
  ok       hello               12.3 ms  server <b a="1">&'#\\ ]]>\\u{1b}[2J\\u{a}1..0\\u{202e}你好
  failed   large                   3 s  mismatch: <b a="1">&'#\\ ]]>\\u{1b}[2J\\u{a}1..0\\u{202e}你好
           sent 4,194,304 B, 12.3 MiB/s
           Bytes are changed.
  failed   sizes               12.3 ms  eof: the server closed (FIN)
           side server (server_closed)
           A limit.
  skipped  idle                         a #server of \\ none
echo+unix:///tmp/a&b#c
  failed   connect             12.3 ms  refused: no connection
           Nobody listens.
2 ok, 3 failed, 1 skipped, 1 of 2 targets not reachable (3.05 s)
`)
})

test('json', () => {
  expect(JSON.parse(render('json'))).toEqual({
    version: 1,
    program: 'nihao-client',
    release: '0.1.0',
    started: '2026-01-02T03:04:05.678Z',
    durationMs: 3_050,
    verdict: 'failed',
    targets: report.targets,
  })
})

test('junit', () => {
  const text = `&lt;b a=&quot;1&quot;&gt;&amp;&apos;#\\ ]]&gt;\\u{1b}[2J\\u{a}1..0\\u{202e}你好`
  expect(render('junit')).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nihao-client check" tests="6" failures="3" errors="0" skipped="1" time="3.050">
  <testsuite name="echo://a:1" tests="5" failures="2" errors="0" skipped="1" time="3.037" timestamp="2026-01-02T03:04:05">
    <testcase classname="echo://a:1" name="connect" time="0.012">
      <system-out>tcp 0.41 ms, local 127.0.0.1:5</system-out>
    </testcase>
    <testcase classname="echo://a:1" name="hello" time="0.012">
      <system-out>server ${text}</system-out>
    </testcase>
    <testcase classname="echo://a:1" name="large" time="3.000">
      <failure type="mismatch" message="mismatch: ${text}">Bytes are changed.</failure>
      <system-out>sent 4,194,304 B, 12.3 MiB/s</system-out>
    </testcase>
    <testcase classname="echo://a:1" name="sizes" time="0.012">
      <failure type="eof" message="eof: the server closed (FIN)">A limit. (side server (server_closed))</failure>
      <system-out></system-out>
    </testcase>
    <testcase classname="echo://a:1" name="idle" time="0.000">
      <skipped message="a #server of \\ none"/>
    </testcase>
  </testsuite>
  <testsuite name="echo+unix:///tmp/a&amp;b#c" tests="1" failures="1" errors="0" skipped="0" time="0.012" timestamp="2026-01-02T03:04:05">
    <testcase classname="echo+unix:///tmp/a&amp;b#c" name="connect" time="0.012">
      <failure type="refused" message="refused: no connection">Nobody listens.</failure>
      <system-out></system-out>
    </testcase>
  </testsuite>
</testsuites>
`)
})

test('tap', () => {
  expect(render('tap')).toBe(`TAP version 14
ok 1 - echo://a:1 connect
  ---
  durationMs: 12.345
  limitMs: 10000
  figures: {"tcpMs":0.412,"local":"127.0.0.1:5"}
  ...
ok 2 - echo://a:1 hello
  ---
  durationMs: 12.345
  limitMs: 10000
  figures: {"server":"<b a=\\"1\\">&'#\\\\ ]]>\\\\u{1b}[2J\\\\u{a}1..0\\\\u{202e}你好"}
  ...
not ok 3 - echo://a:1 large
  ---
  durationMs: 3000
  limitMs: 10000
  figures: {"sentBytes":4194304,"mebibytesPerSecond":12.34}
  reason: "mismatch"
  detail: "<b a=\\"1\\">&'#\\\\ ]]>\\\\u{1b}[2J\\\\u{a}1..0\\\\u{202e}你好"
  meaning: "Bytes are changed."
  ...
not ok 4 - echo://a:1 sizes
  ---
  durationMs: 12.345
  limitMs: 10000
  figures: {}
  reason: "eof"
  detail: "the server closed (FIN)"
  side: "server"
  evidence: "server_closed"
  meaning: "A limit."
  ...
ok 5 - echo://a:1 idle # SKIP a \\#server of \\\\ none
not ok 6 - echo+unix:///tmp/a&b\\#c connect
  ---
  durationMs: 12.345
  limitMs: 10000
  figures: {}
  reason: "refused"
  detail: "no connection"
  meaning: "Nobody listens."
  ...
1..6
`)
})

test('an interrupted run is reported as such, and TAP has no plan', () => {
  const interrupted: Report = { ...report, interrupted: 'SIGINT' }
  expect(render('text', interrupted)).toMatch(/ interrupted by SIGINT \(/)
  expect(JSON.parse(render('json', interrupted))).toMatchObject({ verdict: 'interrupted', interrupted: 'SIGINT' })
  const tap = render('tap', interrupted)
  expect(tap).toMatch(/\nBail out! interrupted by SIGINT\n$/)
  expect(tap).not.toMatch(/^1\.\./m)
})

describe('the verdict of a run', () => {
  const ok = { target: 'a', reachable: true, results: results.slice(0, 2) }
  const failed = { target: 'b', reachable: true, results }
  const unreachable = { target: 'c', reachable: false, results: results.slice(3, 4) }
  const cases: [verdict: string, targets: Report['targets'], interrupted: Report['interrupted']][] = [
    ['ok', [ok], undefined],
    ['failed', [ok, failed], undefined],
    ['unreachable', [ok, unreachable], undefined],
    ['failed', [unreachable, failed], undefined],
    ['interrupted', [failed], 'SIGTERM'],
  ]
  test.each(cases)('%s', (verdict, targets, interrupted) => {
    expect(verdictOf({ ...report, targets, interrupted })).toBe(verdict)
  })
})
