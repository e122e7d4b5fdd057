import { describe, expect, test } from '@jest/globals'
import { ReplyMemory } from './reply-memory.ts'

/** Deterministic, so that a failure can be repeated. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    yield state / 2 ** 31
  }
}

describe('a reply', () => {
  test('that was given back leaves its bytes to the next one, without an allocation if the length is the same', () => {
    const memory = new ReplyMemory()
    const first = memory.take(100)
    memory.giveBack(first)
    expect(memory.take(100)).toBe(first)
    memory.giveBack(first)
    const longer = memory.take(200)
    expect([longer.buffer, longer.byteOffset]).toEqual([first.buffer, first.byteOffset])
  })

  test('longer than half a block is allocated by itself', () => {
    const memory = new ReplyMemory()
    const long = memory.take(5_000)
    memory.giveBack(long)
    expect([long.length, long.buffer.byteLength, memory.take(5_000) === long]).toEqual([5_000, 5_000, false])
  })

  test('keeps its bytes until it is given back, whatever else is taken and given back', () => {
    const memory = new ReplyMemory()
    const random = numbers(7)
    const next = () => random.next().value
    const kept: [reply: Buffer, content: number][] = []
    const check = ([reply, content]: [Buffer, number]) => expect(reply.equals(Buffer.alloc(reply.length, content))).toBe(true)
    for (let step = 0; step < 10_000; step++) {
      // Few lengths, so that a reply often has the length of the one before.
      const reply = memory.take([0, 1, 32, 47, 1_039, 4_096, 4_097][Math.floor(next() * 7)] ?? 0)
      reply.fill(step & 0xff)
      if (next() < 0.3) kept.push([reply, step & 0xff])
      else memory.giveBack(reply)
      // A late or unrelated return must not free the bytes of another reply.
      if (next() < 0.1) memory.giveBack('not from here')
      if (next() < 0.1) memory.giveBack(kept[0]?.[0])
      if (kept.length > 100) for (const each of kept.splice(0, 90)) check(each)
    }
    for (const each of kept) check(each)
  })
})
