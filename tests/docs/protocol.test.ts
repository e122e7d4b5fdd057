import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { type ConnectionTotals, protocolErrorReasons, protocols } from '@nihao/wire'

const page = readFileSync('docs/protocol.md', 'utf8')

/** The frames of the page's dumps, by name. */
const dumps = new Map(
  [...page.matchAll(/^### \d+ ([A-Z]+)\n[^#]*?```hex\n([^`]+)```/gm)].map(([, name = '', dump = '']) => [
    name,
    Buffer.from(dump.replaceAll(/^[0-9a-f]{4} {2}| {2}\|.*$|\s/gm, ''), 'hex'),
  ]),
)

const info = {
  server: 'server-1',
  release: '0.1.0',
  boot: '9f86d081884c7d65',
  connection: 42,
  listener: 'probe:7000',
  address: '[::]:7000',
  peer: '192.0.2.7:51234',
  connections: 1,
  limit: 10_000,
}
const ended = {
  state: 'closed',
  reason: 'reset',
  resetSeen: true,
  finSeen: false,
  pings: 128,
  receivedBytes: 2_432,
  sentBytes: 5_313,
  agoMs: 1_730,
} as const

/** Each reading is 42 µs after the one before. */
let nowUs = 5_000_000_000
const clock = {
  nowUs: () => {
    nowUs += 42
    return nowUs
  },
  stalledUs: () => 0,
}

const { probe } = protocols
const options = { greeting: '', banner: false, message: '张三', maxMessage: 2 ** 20 }

test('the page shows every frame as the code encodes it, in one conversation from HELLO to SUMMARY', () => {
  const events: unknown[] = []
  const record = (...values: unknown[]) => events.push(values)
  const server = probe.serverCodec(options, () => info, { clock, lookUp: () => ended })
  const client = probe.clientCodec(options, { hello: record, goAway: record, serverTimes: record, ended: record, totals: record })
  /** The codec changes the bytes that it receives. */
  const reply = (request: Buffer) => server.receive(Buffer.from(request)) as Buffer

  const hello = server.open?.() as Buffer
  client.receive(hello)
  const ping = client.request()
  const pong = reply(ping)
  expect(client.receive(pong)).toBe(1)
  const last = client.last?.('9f86d081884c7d65', 41) as Buffer
  const answer = reply(last)
  client.receive(answer)
  const goAway = server.goAway?.('drain', 20_000) as Buffer
  client.receive(goAway)
  const bye = client.goodbye?.() as Buffer
  const summary = reply(bye)
  client.receive(summary)
  const reject = probe.reject?.('max_connections', 100) as Buffer

  const made = {
    HELLO: hello,
    PING: ping,
    PONG: pong,
    GOAWAY: goAway,
    REJECT: reject,
    BYE: bye,
    SUMMARY: summary,
    LAST: last,
    ENDED: answer,
  }
  const dumpsOf = (frames: Iterable<[string, Buffer]>) =>
    Object.fromEntries([...frames].map(([name, bytes]) => [name, dumpOf(bytes)]))
  expect(dumpsOf(dumps)).toEqual(dumpsOf(Object.entries(made)))

  const [ours, theirs] = events.pop() as [ConnectionTotals, ConnectionTotals]
  expect(theirs).toEqual({ ...ours, receivedBytes: ours.sentBytes, sentBytes: ours.receivedBytes })
  expect(events).toEqual([[info], [5_000_000_042, 5_000_000_084, 0], [ended], ['drain', 20_000]])
})

test('the page names the port and every protocol error', () => {
  expect(page).toContain(`port ${probe.defaultPort}`)
  for (const reason of protocolErrorReasons) expect(page).toContain(`\`${reason}\``)
})

/** Sixteen bytes per line: offset, hexadecimal, ASCII. */
function dumpOf(bytes: Buffer): string {
  const lines = Array.from({ length: Math.ceil(bytes.length / 16) }, (_, line) => {
    const row = bytes.subarray(line * 16, line * 16 + 16)
    const hex = [...row].map(byte => byte.toString(16).padStart(2, '0')).join(' ')
    const text = [...row].map(byte => (byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')
    return `${(line * 16).toString(16).padStart(4, '0')}  ${hex.padEnd(47)}  |${text}|`
  })
  return lines.join('\n')
}
