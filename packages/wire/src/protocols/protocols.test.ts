import { describe, expect, test } from '@jest/globals'
import type { Bytes, ClientCodec, ServerCodec } from '../protocol.ts'
import { type ProtocolName, protocols } from './index.ts'

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

/** Pipelines two requests and passes all bytes in both directions in packets of the given size. */
function converse(client: ClientCodec, server: ServerCodec, pieceBytes: number): number {
  let answered = 0
  const deliver = (bytes: Bytes | undefined) => {
    for (const piece of pieces(bytesOf(bytes), pieceBytes)) answered += client.receive(piece)
  }
  deliver(server.open?.())
  expect(client.opening).toBe(false)
  const sent = Buffer.concat([client.request(), client.request()])
  for (const piece of pieces(sent, pieceBytes)) deliver(server.receive(piece))
  deliver(server.produce?.())
  return answered
}

describe.each(names)('%s', name => {
  test.each([1, 2, 5, 1_000])('client and server codec interoperate in packets of %i bytes', pieceBytes => {
    const client = ask(name)
    const answered = converse(client, serve(name), pieceBytes)
    expect(answered).toBe(client.oneWay ? 0 : 2)
  })
})

test.each(['greet', 'echo', 'discard'] as const)('an unexpected reply to %s is wrong', name => {
  expect(() => ask(name).receive(Buffer.from('!'))).toThrow('expected nothing, received "!"')
})

const garbage = Buffer.from([0x00, 0xff, 0xfe, 0x0a, 0x80, 0xe5, 0x0a])

test.each([[[garbage]], [[...garbage].map(byte => Buffer.of(byte))]])('echo returns all bytes (RFC 862): %j', chunks => {
  const codec = serve('echo')
  expect(Buffer.concat(chunks.map(chunk => bytesOf(codec.receive(chunk))))).toEqual(garbage)
  expect(codec.messages).toBe(chunks.length)
  expect(codec.midMessage).toBe(false)
})

test.each([[[garbage]], [[...garbage].map(byte => Buffer.of(byte))]])('discard never replies (RFC 863): %j', chunks => {
  const codec = serve('discard')
  expect(chunks.map(chunk => codec.receive(chunk))).toEqual(chunks.map(() => undefined))
  expect(codec.messages).toBe(chunks.length)
  expect(codec.midMessage).toBe(false)
})

test('only a protocol without replies is one-way', () => {
  const oneWay = names.filter(name => ask(name).oneWay)
  expect(oneWay).toEqual(['discard'])
})

test('greet greets each line of a message with several lines', () => {
  const options = { ...askOptions, message: '张三\n李四' }
  const client = protocols.greet.clientCodec(options, {})
  expect(client.receive(bytesOf(serve('greet').receive(client.request())))).toBe(1)
})
