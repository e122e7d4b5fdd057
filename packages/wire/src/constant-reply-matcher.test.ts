import { describe, expect, test } from '@jest/globals'
import { constantReplyMatcher } from './constant-reply-matcher.ts'
import { WrongReply } from './errors.ts'
import type { ClientCodec } from './protocol.ts'

const request = Buffer.from('张三\n')
const reply = Buffer.from('你好，张三\n')

/** The number of replies that the chunks complete, or the error message. */
function match(codec: ClientCodec, ...chunks: Buffer[]): number | string {
  let completed = 0
  try {
    for (const chunk of chunks) completed += codec.receive(chunk)
  } catch (error) {
    if (error instanceof WrongReply) return error.message
    throw error
  }
  return completed
}

/** Requests sent first, bytes received in one read, and the result. */
const cases: [name: string, requests: number, received: string, result: number | string][] = [
  ['nothing yet', 1, '', 0],
  ['a part of the reply', 1, '你好，张', 0],
  ['one reply', 1, '你好，张三\n', 1],
  ['three replies', 3, '你好，张三\n你好，张三\n你好，张三\n', 3],
  ['two replies and a part', 3, '你好，张三\n你好，张三\n你好，', 2],
  ['another reply', 1, '你好，李四\n', 'expected "你好，张三\\n", received "你好，李四\\n"'],
  ['a reply without its line end', 2, '你好，张三你好，', 'expected "你好，张三\\n", received "你好，张三你好，"'],
  ['a longer reply', 1, '你好，张三\n!', 'expected nothing, received "!"'],
  ['an unexpected reply', 0, '你好，张三\n', 'expected nothing, received "你好，张三\\n"'],
  ['one reply too many', 2, '你好，张三\n你好，张三\n你', 'expected nothing, received "你"'],
  ['the bare echo', 1, '张三\n', 'expected "你好，张三\\n", received "张三\\n"'],
]

describe('a constant reply', () => {
  const codecAfter = (requests: number) => {
    const codec = constantReplyMatcher(request, reply)()
    for (let sent = 0; sent < requests; sent++) expect(codec.request()).toEqual(request)
    return codec
  }

  test.each(cases)('%s, in one read', (_, requests, received, result) => {
    expect(match(codecAfter(requests), Buffer.from(received))).toBe(result)
  })

  test.each(cases)('%s, in any two packets, and byte by byte', (_, requests, received, result) => {
    const bytes = Buffer.from(received)
    // The packet boundary changes the bytes that the error shows.
    const same = typeof result === 'number' ? result : expect.stringContaining('expected ')
    for (let split = 0; split <= bytes.length; split++) {
      expect(match(codecAfter(requests), bytes.subarray(0, split), bytes.subarray(split))).toEqual(same)
    }
    expect(match(codecAfter(requests), ...[...bytes].map(byte => Buffer.of(byte)))).toEqual(same)
  })

  test('the error shows bytes from the wrong read on', () => {
    const codec = codecAfter(1)
    expect(match(codec, Buffer.from('你好，'))).toBe(0)
    expect(match(codec, Buffer.from('李四\n'))).toBe('expected "张三\\n", received "李四\\n"')
  })

  test('the error shows an excerpt of a long reply', () => {
    const message = match(codecAfter(1), Buffer.alloc(1_000_000, 'x'))
    expect(message).toBe(`expected "你好，张三\\n", received "${'x'.repeat(64)}"… (1000000 bytes)`)
  })

  test.each([1, 2, 100])('%i requests are in one buffer', count => {
    const codec = constantReplyMatcher(request, reply)()
    expect(codec.repeated?.(count)).toEqual(Buffer.concat(Array<Buffer>(count).fill(request)))
  })

  test('requests that are too many for one buffer are not repeated', () => {
    expect(constantReplyMatcher(request, reply)().repeated?.(1_000_000)).toBeUndefined()
  })

  test('requests and replies alternate', () => {
    const codec = constantReplyMatcher(request, reply)()
    for (let turn = 0; turn < 3; turn++) {
      codec.request()
      expect(codec.receive(reply)).toBe(1)
    }
    expect(match(codec, reply)).toContain('expected nothing')
  })
})
