import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { type ConnectionTotals, protocolErrorReasons, protocols } from '@nihao/wire'

const page = readFileSync('docs/protocol.md', 'utf8')

/** The frames that the page shows, by the name of their type: whole bytes of each dump. */
const dumps = new Map(
  [...page.matchAll(/^### \d+ ([A-Z]+)\n[^#]*?```hex\n([^`]+)```/gm)].map(([, name = '', dump = '']) => [
    name,
    Buffer.from(dump.replaceAll(/^[0-9a-f]{4} {2}| {2}\|.*$|\s/gm, ''), 'hex'),
  ]),
)

const info = {
  server: 'server-1',
  release: '0.1.0',
  listener: 'probe:7000',
  address: '0.0.0.0:7000',
  peer: '192.0.2.7:51234',
  connections: 1,
  limit: 10_000,
}
const { probe } = protocols
const options = { greeting: '', banner: false, message: '张三', maxMessage: 2 ** 20 }

test('the page shows every frame as the code makes it, in one conversation from HELLO to SUMMARY', () => {
  let compared = undefined as [ConnectionTotals, ConnectionTotals] | undefined
  const server = probe.serverCodec(options, () => info)
  const client = probe.clientCodec(options, {
    totals: (ours, theirs) => {
      compared = [ours, theirs]
    },
  })
  const hello = server.open?.() as Buffer
  client.receive(hello)
  const ping = client.request()
  const sent = Buffer.from(ping)
  const pong = server.receive(ping) as Buffer
  expect(client.receive(pong)).toBe(1)
  const goAway = server.goAway?.('drain', 20_000) as Buffer
  client.receive(goAway)
  const bye = client.goodbye?.() as Buffer
  const summary = server.receive(Buffer.from(bye)) as Buffer
  client.receive(summary)
  const reject = probe.reject?.('max_connections', 100) as Buffer

  const made = { HELLO: hello, PING: sent, PONG: pong, GOAWAY: goAway, REJECT: reject, BYE: bye, SUMMARY: summary }
  expect(Object.fromEntries([...dumps].map(([name, bytes]) => [name, dumpOf(bytes)]))).toEqual(
    Object.fromEntries(Object.entries(made).map(([name, bytes]) => [name, dumpOf(bytes)])),
  )
  const [ours, theirs] = compared ?? []
  expect(theirs).toEqual({ ...ours, receivedBytes: ours?.sentBytes, sentBytes: ours?.receivedBytes })
})

test('the page names the port and every reason for which the server leaves a client', () => {
  expect(page).toContain(`port ${probe.defaultPort}`)
  for (const reason of protocolErrorReasons) expect(page).toContain(`\`${reason}\``)
})

/** Sixteen bytes a line: offset, hexadecimal, ASCII. */
function dumpOf(bytes: Buffer): string {
  const lines = Array.from({ length: Math.ceil(bytes.length / 16) }, (_, line) => {
    const row = bytes.subarray(line * 16, line * 16 + 16)
    const hex = [...row].map(byte => byte.toString(16).padStart(2, '0')).join(' ')
    const text = [...row].map(byte => (byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')
    return `${(line * 16).toString(16).padStart(4, '0')}  ${hex.padEnd(47)}  |${text}|`
  })
  return lines.join('\n')
}
