import { describe, expect, test } from '@jest/globals'
import type { ServerCodec } from '../protocol.ts'
import { protocols } from './index.ts'

const greeting = '你好，'

function newGreeter(text = greeting): ServerCodec {
  return protocols.greet.serverCodec({ greeting: text, maxMessage: 0 }, () => {
    throw new Error('greet does not use the connection')
  })
}

function answer(codec: ServerCodec, chunk: Buffer): Buffer {
  const reply = codec.receive(chunk) ?? []
  return typeof reply === 'string' ? Buffer.from(reply, 'latin1') : Buffer.concat([reply].flat())
}

/** Texts with their replies, across any packet boundaries. */
const conversations: [name: string, sent: string, replied: string, messages: number][] = [
  ['one line', '张三\n', '你好，张三\n', 1],
  ['a message without a line end', '张三', '你好，张三', 1],
  ['two lines', '张三\n李四\n', '你好，张三\n你好，李四\n', 2],
  ['a line and the start of another', '张三\n李', '你好，张三\n你好，李', 2],
  ['empty lines', '\n\n\n', '你好，\n你好，\n你好，\n', 3],
  ['characters of one to four bytes', 'aé张😀\nz', '你好，aé张😀\n你好，z', 2],
  ['CR LF', '张三\r\n', '你好，张三\r\n', 1],
]

describe('greet', () => {
  test.each(conversations)('%s gets the same reply across any two packet boundaries', (_, sent, replied, messages) => {
    const bytes = Buffer.from(sent)
    for (let first = 1; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second++) {
        const codec = newGreeter()
        const packets = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)].filter(
          packet => packet.length > 0,
        )
        expect(Buffer.concat(packets.map(packet => answer(codec, packet))).toString()).toBe(replied)
        expect(codec.messages).toBe(messages)
        expect(codec.midMessage).toBe(!sent.endsWith('\n'))
      }
    }
  })

  test.each(conversations)('%s gets the same reply byte by byte', (_, sent, replied) => {
    const codec = newGreeter()
    expect(Buffer.concat([...Buffer.from(sent)].map(byte => answer(codec, Buffer.of(byte)))).toString()).toBe(replied)
  })

  test('bytes that are not UTF-8 are returned unchanged', () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte).filter(byte => byte !== 0x0a))
    const codec = newGreeter()
    expect(answer(codec, bytes)).toEqual(Buffer.concat([Buffer.from(greeting), bytes]))
    const lines = Buffer.concat([Buffer.from('\n'), bytes, Buffer.from('\n'), bytes])
    expect(answer(codec, lines)).toEqual(
      Buffer.concat([Buffer.from(`\n${greeting}`), bytes, Buffer.from(`\n${greeting}`), bytes]),
    )
  })

  const inputs: [name: string, input: string][] = [
    ['line ends', '\n'.repeat(9_000)],
    ['short lines', 'ab\n'.repeat(20_000)],
    ['one long line and a short one', `${'a'.repeat(60_000)}\nb`],
    ['lines of growing length', Array.from({ length: 300 }, (_, length) => `${'a'.repeat(length)}\n`).join('')],
  ]
  const greetings = [9, 100, 3_000, 100_000].map(length => 'g'.repeat(length))
  const floods = greetings.flatMap(text => inputs.map(([name, input]) => [name, text.length, input, text] as const))

  test.each(floods)('each reply to %s is bounded with a greeting of %i bytes', (_, greetingBytes, input, text) => {
    const codec = newGreeter(text)
    let rest: Buffer | undefined = Buffer.from(input)
    // The first replies of many: all of them would have 900 MB.
    for (let replies = 0; rest !== undefined && replies < 100; replies++) {
      const continues = codec.midMessage
      const reply = answer(codec, rest)
      const answered = rest.toString('latin1', 0, rest.length - (codec.pending?.length ?? 0))
      const greeted = answered.replaceAll(/^(?=[\s\S])/gm, text).slice(continues ? greetingBytes : 0)
      expect(reply.equals(Buffer.from(greeted))).toBe(true)
      expect(reply.length).toBeLessThanOrEqual(Math.max(90_200, 60_010 + 2 * greetingBytes))
      rest = codec.pending
    }
    if (rest === undefined) expect(codec.messages).toBe(input.match(/^[\s\S]/gm)?.length)
  })
})
