import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { afterEach, expect, test } from '@jest/globals'
import { createLogger } from '@nihao/service'
import { Certificates } from '../../../../tests/process/support/certificates.ts'
import { Peer } from '../../../../tests/process/support/peer.ts'
import { testWith } from '../../../../tests/process/support/tool.ts'
import { until } from '../../../../tests/process/support/until.ts'
import { Server } from '../server.ts'
import { readConfig } from '../settings.ts'

let server: Server
afterEach(() => server.drain(0, 0))

/** Lines of similar lengths, each with content of its own; replies this short share memory. */
const line = (number: number, name: string) => `${number} ${name.repeat(700 + (number % 5))}\n`

const SUBJECT = 'replies that wait for a slow reader are not overwritten by those to other connections'

/** @param connectTo opens a connection whose server end is ready for the first byte */
async function checkReplies(endpoint: string, connectTo: (address: AddressInfo | string) => Promise<Socket>): Promise<void> {
  const env = { NIHAO_LISTEN: endpoint, NIHAO_GREETING: '>', NIHAO_MAX_BUFFERED: '16MiB', NIHAO_SLOW_READER_TIMEOUT: '0s' }
  server = new Server(readConfig({ env, args: [] }), '1.2.3', createLogger('test', 'silent'))
  await server.listen()
  const [listener] = server.listeners
  if (listener === undefined) throw new Error('no listener')
  const open = async () => {
    const before = listener.connections.size
    const socket = await connectTo(listener.address)
    return { socket, connection: await until('a connection', () => listener.connections.at(before)) }
  }
  const slow = await open()
  const other = await open()
  const otherReplies: Buffer[] = []
  other.socket.on('data', chunk => otherReplies.push(chunk))

  let sent = 0
  let otherSent = 0
  // Each line is answered alone. Replies wait from the first one that the kernel takes only in part.
  for (let waiting = 0; waiting < 40; sent++) {
    slow.socket.write(line(sent, 'slow'))
    const messages = sent + 1
    while (slow.connection.messages < messages) await turn()
    if (slow.connection.bufferedBytes === 0) continue
    waiting++
    other.socket.write(line(otherSent++, 'other'))
    while (other.connection.messages < otherSent) await turn()
  }
  const expected = (count: number, name: string) =>
    Array.from({ length: count }, (_, number) => `>${line(number, name)}`).join('')
  const slowReplies: Buffer[] = []
  slow.socket.on('data', chunk => slowReplies.push(chunk))
  for (const { socket } of [slow, other]) socket.end()
  await Promise.all([slow, other].map(({ socket }) => once(socket, 'end')))
  expect(Buffer.concat(slowReplies).toString() === expected(sent, 'slow')).toBe(true)
  expect(Buffer.concat(otherReplies).toString() === expected(otherSent, 'other')).toBe(true)
}

test(`over TCP, ${SUBJECT}`, () =>
  checkReplies(
    'greet://127.0.0.1:0',
    async address => (await Peer.connect((address as AddressInfo).port, { reading: false })).socket,
  ))

test(`over a Unix socket, ${SUBJECT}`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nihao-'))
  try {
    await checkReplies(
      `greet+unix://${folder}/greet.sock`,
      async path => (await Peer.connect(path as string, { reading: false })).socket,
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

testWith('openssl', `over TLS, ${SUBJECT}`, async () => {
  using roots = new Certificates()
  const { cert, key } = roots.issue()
  await checkReplies(`greet+tls://127.0.0.1:0?cert=${cert}&key=${key}`, async address => {
    const { port } = address as AddressInfo
    const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca: readFileSync(roots.ca) })
    await once(socket, 'secureConnect')
    return socket
  })
})
