import { createCipheriv, createHash } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { mebibytes, note } from './support/figures.ts'
import { type RunningServer, startServer } from './support/server.ts'
import { talk, testWith } from './support/tool.ts'

const MEBIBYTE = 2 ** 20
/** Less than any of the transfers, and three times as much as on a busy machine. */
const MAY_GROW_BYTES = 56 * MEBIBYTE

/** Reproducible random bytes: some are line ends, most are not UTF-8. */
function noise(sizeBytes: number): Buffer {
  return createCipheriv('aes-256-ctr', Buffer.alloc(32), Buffer.alloc(16)).update(Buffer.alloc(sizeBytes))
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** The expected reply of greet, computed independently. */
function greeted(bytes: Buffer): Buffer {
  const greeting = Buffer.from('你好，').toString('latin1')
  const lines = bytes.toString('latin1').split('\n')
  const complete = lines.slice(0, -1).map(line => `${greeting}${line}\n`)
  const rest = lines.at(-1) ?? ''
  return Buffer.from(complete.join('') + (rest === '' ? '' : greeting + rest), 'latin1')
}

/** Runs a transfer and returns the peak growth of the server's memory. */
async function growthOf(server: RunningServer, what: string, transfer: () => Promise<void>): Promise<number> {
  server.resetPeak()
  const { residentBytes } = server.memory()
  const startedAtMs = performance.now()
  await transfer()
  const growthBytes = server.memory().peakBytes - residentBytes
  const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1)
  note(`${what}: ${seconds} s, resident memory ${mebibytes(residentBytes)}, grew by ${mebibytes(growthBytes)} at most`)
  return growthBytes
}

const content = noise(64 * MEBIBYTE)
const overNc = (port: number) => ['-N', '127.0.0.1', String(port)]
const overSocat = (port: number) => ['-t', '60', '-', `TCP:127.0.0.1:${port}`]

for (const [protocol, tool, argsFor, expected] of [
  ['echo', 'socat', overSocat, () => content],
  ['greet', 'nc', overNc, () => greeted(content)],
] as const) {
  testWith(tool, `64 MiB of random bytes from ${tool} return unchanged through ${protocol}, in constant memory`, async () => {
    await using server = await startServer(`${protocol}://127.0.0.1:0`)
    const reply = expected()
    const growthBytes = await growthOf(server, `64 MiB through ${protocol}`, async () => {
      const { sizeBytes, sha256: hash } = await talk(tool, argsFor(server.port()), [content])
      expect(sizeBytes).toBe(reply.length)
      expect(hash).toBe(sha256(reply))
    })
    expect(growthBytes).toBeLessThan(MAY_GROW_BYTES)
    await server.untilMetric('tcp_server_received_bytes_total', content.length)
    await server.untilMetric('tcp_server_sent_bytes_total', reply.length)
  })
}

testWith('nc', 'a line of 64 MiB is returned by greet as it arrives, in constant memory', async () => {
  await using server = await startServer('greet://127.0.0.1:0')
  const piece = Buffer.alloc(MEBIBYTE, 'x')
  const pieces = Array.from({ length: 64 }, () => piece)
  const expected = createHash('sha256').update('你好，')
  for (const bytes of pieces) expected.update(bytes)

  const growthBytes = await growthOf(server, 'a line of 64 MiB through greet', async () => {
    const { sizeBytes, sha256: hash } = await talk('nc', overNc(server.port()), pieces)
    expect(sizeBytes).toBe(64 * MEBIBYTE + Buffer.byteLength('你好，'))
    expect(hash).toBe(expected.digest('hex'))
  })
  expect(growthBytes).toBeLessThan(MAY_GROW_BYTES)
  await server.untilMetric('tcp_server_messages_total', 1)
})

testWith('nc', '64 MiB sent to discard are read and not kept', async () => {
  await using server = await startServer('discard://127.0.0.1:0')
  const growthBytes = await growthOf(server, '64 MiB into discard', async () => {
    const { sizeBytes } = await talk(
      'nc',
      overNc(server.port()),
      Array.from({ length: 64 }, () => Buffer.alloc(MEBIBYTE)),
    )
    expect(sizeBytes).toBe(0)
  })
  expect(growthBytes).toBeLessThan(MAY_GROW_BYTES)
  await server.untilMetric('tcp_server_received_bytes_total', 64 * MEBIBYTE)
})

test('the expected reply of greet is correct', () => {
  expect(greeted(Buffer.from('a\n\nb')).toString()).toBe('你好，a\n你好，\n你好，b')
  expect(greeted(Buffer.from('a\n')).toString()).toBe('你好，a\n')
})
