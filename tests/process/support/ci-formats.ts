import { spawnSync } from 'node:child_process'

/** Runs a parser that is not ours; what it prints is JSON. */
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

/** Parses a JUnit report with Python. */
export const parseJunit = (report: string) => parse('/usr/bin/python3', ['-c', READ_XML], report)

/** Parses a TAP report with Perl, whose parser knows no version higher than 13; of what 14 added, only the escapes are used. */
export const parseTap = (report: string) => parse('perl', ['-e', READ_TAP], report.replace('TAP version 14', 'TAP version 13'))
