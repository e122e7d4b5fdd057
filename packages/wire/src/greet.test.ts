import { describe, expect, test } from '@jest/globals'
import type { ServerCodec } from './protocol.ts'
import { protocols } from './protocols.ts'

const greeting = '你好，'

function newGreeter(): ServerCodec {
  return protocols.greet.serverCodec({ greeting, maxMessage: 0 }, () => {
    throw new Error('greet tells nothing of the connection')
  })
}

function answer(codec: ServerCodec, chunk: Buffer): Buffer {
  const reply = codec.receive(chunk) ?? []
  return typeof reply === 'string' ? Buffer.from(reply, 'latin1') : Buffer.concat([reply].flat())
}

/** Every text with the reply it must get, however it is cut. */
const conversations: [name: string, sent: string, replied: string, messages: number][] = [
  ['one line', '张三\n', '你好，张三\n', 1],
  ['a message without a line end', '张三', '你好，张三', 1],
  ['two lines', '张三\n李四\n', '你好，张三\n你好，李四\n', 2],
  ['a line and a beginning', '张三\n李', '你好，张三\n你好，李', 2],
  ['empty lines', '\n\n\n', '你好，\n你好，\n你好，\n', 3],
  ['characters of one to four bytes', 'aé张😀\nz', '你好，aé张😀\n你好，z', 2],
  ['CR LF', '张三\r\n', '你好，张三\r\n', 1],
]

describe('greet', () => {
  test.each(conversations)('%s gets the same reply, cut at every two byte positions', (_, sent, replied, messages) => {
    const bytes = Buffer.from(sent)
    for (let first = 1; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second++) {
        const codec = newGreeter()
        const cuts = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)].filter(
          cut => cut.length > 0,
        )
        expect(Buffer.concat(cuts.map(cut => answer(codec, cut))).toString()).toBe(replied)
        expect(codec.messages).toBe(messages)
        expect(codec.midMessage).toBe(!sent.endsWith('\n'))
      }
    }
  })

  test.each(conversations)('%s gets the same reply byte by byte, a multi-byte greeting staying whole', (_, sent, replied) => {
    const codec = newGreeter()
    expect(Buffer.concat([...Buffer.from(sent)].map(byte => answer(codec, Buffer.of(byte)))).toString()).toBe(replied)
  })

  test('bytes that are no UTF-8 come back unchanged', () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte).filter(byte => byte !== 0x0a))
    const codec = newGreeter()
    expect(answer(codec, bytes)).toEqual(Buffer.concat([Buffer.from(greeting), bytes]))
    const lines = Buffer.concat([Buffer.from('\n'), bytes, Buffer.from('\n'), bytes])
    expect(answer(codec, lines)).toEqual(
      Buffer.concat([Buffer.from(`\n${greeting}`), bytes, Buffer.from(`\n${greeting}`), bytes]),
    )
  })
})
