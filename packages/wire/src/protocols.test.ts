import { describe, expect, test } from '@jest/globals'
import type { Bytes, ClientCodec, ServerCodec } from './protocol.ts'
import { type ProtocolName, protocols } from './protocols.ts'

const serveOptions = { greeting: '你好，', maxMessage: 1_000 }
const askOptions = { message: '张三', greeting: '你好，', banner: false, maxMessage: 1_000 }
const info = { server: 'a', release: '1', listener: 'x:1', address: '127.0.0.1:1', peer: undefined, connections: 1, limit: null }
const serve = (name: ProtocolName) => protocols[name].serverCodec(serveOptions, () => info)
const ask = (name: ProtocolName) => protocols[name].clientCodec(askOptions, {})
const names = Object.keys(protocols) as ProtocolName[]

const bytesOf = (reply: Bytes | undefined) =>
  typeof reply === 'string' ? Buffer.from(reply, 'latin1') : Buffer.concat([reply ?? []].flat())

function* pieces(bytes: Buffer, pieceBytes: number): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += pieceBytes) yield Buffer.from(bytes.subarray(start, start + pieceBytes))
}

/** Asks twice in pipeline and hands both sides their bytes in pieces of the given size, what the server says first and by itself as well. */
function converse(client: ClientCodec, server: ServerCodec, pieceBytes: number): number {
  let answered = 0
  const events = (bytes: Bytes | undefined) => {
    for (const piece of pieces(bytesOf(bytes), pieceBytes)) answered += client.receive(piece)
  }
  events(server.open?.())
  expect(client.opening).toBe(false)
  const sent = Buffer.concat([client.request(), client.request()])
  for (const piece of pieces(sent, pieceBytes)) events(server.receive(piece))
  events(server.produce?.())
  return answered
}

describe.each(names)('%s', name => {
  test.each([1, 2, 5, 1_000])('its two halves understand each other in pieces of %i bytes', pieceBytes => {
    const client = ask(name)
    const answered = converse(client, serve(name), pieceBytes)
    expect(answered).toBe(client.oneWay ? 0 : 2)
  })
})

test.each(['greet', 'echo', 'discard'] as const)('a reply to %s that nobody asked for is refused', name => {
  expect(() => ask(name).receive(Buffer.from('!'))).toThrow('expected nothing, received "!"')
})

const garbage = Buffer.from([0x00, 0xff, 0xfe, 0x0a, 0x80, 0xe5, 0x0a])

test.each([[[garbage]], [[...garbage].map(byte => Buffer.of(byte))]])('echo sends back what comes (RFC 862): %j', chunks => {
  const codec = serve('echo')
  expect(Buffer.concat(chunks.map(chunk => bytesOf(codec.receive(chunk))))).toEqual(garbage)
  expect(codec.messages).toBe(chunks.length)
  expect(codec.midMessage).toBe(false)
})

test.each([[[garbage]], [[...garbage].map(byte => Buffer.of(byte))]])('discard never answers (RFC 863): %j', chunks => {
  const codec = serve('discard')
  expect(chunks.map(chunk => codec.receive(chunk))).toEqual(chunks.map(() => undefined))
  expect(codec.messages).toBe(chunks.length)
  expect(codec.midMessage).toBe(false)
})

test('only a protocol that never answers is one-way', () => {
  const oneWay = names.filter(name => ask(name).oneWay)
  expect(oneWay).toEqual(['discard'])
})
