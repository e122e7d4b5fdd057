import { describe, expect, test } from '@jest/globals'
import type { Bytes, ClientHalf, ServerHalf } from './protocol.ts'
import { type ProtocolName, protocols } from './protocols.ts'

const serveOptions = { greeting: '你好，' }
const askOptions = { message: '张三', greeting: '你好，' }
const names = Object.keys(protocols) as ProtocolName[]

const bytesOf = (reply: Bytes | undefined) =>
  typeof reply === 'string' ? Buffer.from(reply, 'latin1') : (reply ?? Buffer.alloc(0))

/** Asks twice in pipeline and hands both sides their bytes in pieces of the given size. */
function converse(client: ClientHalf, server: ServerHalf, pieceBytes: number): number {
  let answered = 0
  const sent = Buffer.concat([client.request(), client.request()])
  for (let start = 0; start < sent.length; start += pieceBytes) {
    const reply = bytesOf(server.receive(sent.subarray(start, start + pieceBytes)))
    if (reply.length > 0) answered += client.receive(reply)
  }
  return answered
}

describe.each(names)('%s', name => {
  test.each([1, 2, 5, 1_000])('its two halves understand each other in pieces of %i bytes', pieceBytes => {
    const client = protocols[name].ask(askOptions)
    const answered = converse(client, protocols[name].serve(serveOptions), pieceBytes)
    expect(answered).toBe(client.oneWay ? 0 : 2)
  })

  test('a reply that nobody asked for is refused', () => {
    expect(() => protocols[name].ask(askOptions).receive(Buffer.from('!'))).toThrow('expected nothing, received "!"')
  })
})

const garbage = Buffer.from([0x00, 0xff, 0xfe, 0x0a, 0x80, 0xe5, 0x0a])

test.each([[[garbage]], [[...garbage].map(byte => Buffer.of(byte))]])('echo sends back what comes (RFC 862): %j', chunks => {
  const half = protocols.echo.serve(serveOptions)
  expect(Buffer.concat(chunks.map(chunk => bytesOf(half.receive(chunk))))).toEqual(garbage)
  expect(half.messages).toBe(chunks.length)
  expect(half.midMessage).toBe(false)
})

test.each([[[garbage]], [[...garbage].map(byte => Buffer.of(byte))]])('discard never answers (RFC 863): %j', chunks => {
  const half = protocols.discard.serve(serveOptions)
  expect(chunks.map(chunk => half.receive(chunk))).toEqual(chunks.map(() => undefined))
  expect(half.messages).toBe(chunks.length)
  expect(half.midMessage).toBe(false)
})

test('only a protocol that never answers is one-way', () => {
  const oneWay = names.filter(name => protocols[name].ask(askOptions).oneWay)
  expect(oneWay).toEqual(['discard'])
})
