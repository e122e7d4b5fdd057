import { describe, expect, test } from '@jest/globals'
import type { ClientCodec } from './protocol.ts'
import { protocols } from './protocols/index.ts'

const options = { message: '张三', greeting: '你好，', banner: false, maxMessage: 1_000 }
const lines = ['a\n', '张三李四\n', '\n'].map(line => Buffer.from(line))

/** A codec that has sent the lines, and the valid replies to them. */
function greeted(): { codec: ClientCodec; replies: Buffer } {
  const requests = [...lines]
  const codec = protocols.greet.clientCodec({ ...options, nextRequest: () => requests.shift() ?? Buffer.alloc(0) }, {})
  for (const line of lines) expect(codec.request()).toEqual(line)
  return { codec, replies: Buffer.concat(lines.flatMap(line => [Buffer.from(options.greeting), line])) }
}

describe.each(['same', 'varying'])('replies to %s requests', kind => {
  const ask = () => {
    if (kind === 'varying') return greeted()
    const codec = protocols.greet.clientCodec(options, {})
    for (const _ of lines) codec.request()
    return { codec, replies: Buffer.from('你好，张三\n'.repeat(lines.length)) }
  }

  test('are matched across any packet boundary', () => {
    const { length } = ask().replies
    for (let split = 0; split <= length; split++) {
      const { codec, replies } = ask()
      expect(codec.receive(replies.subarray(0, split)) + codec.receive(replies.subarray(split))).toBe(lines.length)
    }
  })

  test('are wrong if any byte is', () => {
    const { length } = ask().replies
    for (let offset = 0; offset < length; offset++) {
      const { codec, replies } = ask()
      replies.writeUInt8((replies[offset] ?? 0) ^ 1, offset)
      expect(() => codec.receive(replies)).toThrow('expected')
    }
  })

  test('are wrong if one more follows', () => {
    const { codec, replies } = ask()
    expect(() => codec.receive(Buffer.concat([replies, Buffer.from('你')]))).toThrow('expected nothing, received "你"')
  })
})

test('the error shows the first wrong reply and all bytes after it', () => {
  const codec = protocols.echo.clientCodec({ ...options, message: 'ping' }, {})
  for (let count = 0; count < 3; count++) codec.request()
  expect(() => codec.receive(Buffer.from('ping\npong\nand more'))).toThrow('expected "ping\\n", received "pong\\nand more"')
})
