import { describe, expect, test } from '@jest/globals'
import { fixedReply } from './fixed-reply.ts'
import { type ClientCodec, WrongReply } from './protocol.ts'

const request = Buffer.from('张三\n')
const reply = Buffer.from('你好，张三\n')

/** What the judge says of what came back: how many replies it completed, or what is wrong with it. */
function judge(codec: ClientCodec, ...chunks: Buffer[]): number | string {
  let completed = 0
  try {
    for (const chunk of chunks) completed += codec.receive(chunk)
  } catch (error) {
    if (error instanceof WrongReply) return error.message
    throw error
  }
  return completed
}

/** Requests asked before anything comes back, what comes back in one read, and what is to be said of it. */
const cases: [name: string, asked: number, received: string, verdict: number | string][] = [
  ['nothing yet', 1, '', 0],
  ['a part of the reply', 1, '你好，张', 0],
  ['one reply', 1, '你好，张三\n', 1],
  ['three replies', 3, '你好，张三\n你好，张三\n你好，张三\n', 3],
  ['two replies and a part', 3, '你好，张三\n你好，张三\n你好，', 2],
  ['another reply', 1, '你好，李四\n', 'expected "你好，张三\\n", received "你好，李四\\n"'],
  ['a reply without its line end', 2, '你好，张三你好，', 'expected "你好，张三\\n", received "你好，张三你好，"'],
  ['a reply that is longer', 1, '你好，张三\n!', 'expected nothing, received "!"'],
  ['a reply that was not asked for', 0, '你好，张三\n', 'expected nothing, received "你好，张三\\n"'],
  ['one reply more than was asked for', 2, '你好，张三\n你好，张三\n你', 'expected nothing, received "你"'],
  ['the bare echo', 1, '张三\n', 'expected "你好，张三\\n", received "张三\\n"'],
]

describe('a fixed reply', () => {
  const asking = (times: number) => {
    const codec = fixedReply(request, reply)()
    for (let asked = 0; asked < times; asked++) expect(codec.request()).toEqual(request)
    return codec
  }

  test.each(cases)('%s, in one read', (_, asked, received, verdict) => {
    expect(judge(asking(asked), Buffer.from(received))).toBe(verdict)
  })

  test.each(cases)('%s, cut in two at every byte, and byte by byte', (_, asked, received, verdict) => {
    const bytes = Buffer.from(received)
    // Where it is cut changes which bytes a refusal shows, not that it is one.
    const same = typeof verdict === 'number' ? verdict : expect.stringContaining('expected ')
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(judge(asking(asked), bytes.subarray(0, cut), bytes.subarray(cut))).toEqual(same)
    }
    expect(judge(asking(asked), ...[...bytes].map(byte => Buffer.of(byte)))).toEqual(same)
  })

  test('a refusal begins at the read that was wrong', () => {
    const codec = asking(1)
    expect(judge(codec, Buffer.from('你好，'))).toBe(0)
    expect(judge(codec, Buffer.from('李四\n'))).toBe('expected "张三\\n", received "李四\\n"')
  })

  test('what is told of a wrong reply is short, however long it was', () => {
    const told = judge(asking(1), Buffer.alloc(1_000_000, 'x'))
    expect(told).toBe(`expected "你好，张三\\n", received "${'x'.repeat(64)}"… (1000000 bytes)`)
  })

  test('requests and replies take turns', () => {
    const codec = fixedReply(request, reply)()
    for (let turn = 0; turn < 3; turn++) {
      codec.request()
      expect(codec.receive(reply)).toBe(1)
    }
    expect(judge(codec, reply)).toContain('expected nothing')
  })
})
