import { describe, expect, test } from '@jest/globals'
import { LargePacketLoss } from './large-packet-loss.ts'

const SIZES = [64, 1_400, 8_900, 65_536]

/** Numbers from 0 to 1 that look random and are the same in every run. */
function randoms(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

/** Goes through the sizes in turn. @returns the number of rounds until large packets are known to be lost; undefined if they never are */
function rounds(loss: LargePacketLoss, count: number, isLost: (bytes: number) => boolean): number | undefined {
  for (let round = 1; round <= count; round++) {
    for (const bytes of SIZES) {
      if (isLost(bytes)) loss.timedOut(bytes)
      else loss.answered(bytes)
      if (loss.finding !== undefined) return round
    }
  }
  return undefined
}

describe('large packets are known to be lost', () => {
  test('soon where they never arrive', () => {
    const loss = new LargePacketLoss(SIZES)
    expect(rounds(loss, 10, bytes => bytes > 1_400)).toBe(5)
    expect(loss.finding).toEqual({ largestWorkingBytes: 1_400, smallestLostBytes: 8_900 })
  })

  test('sooner where they always arrived before', () => {
    const loss = new LargePacketLoss(SIZES)
    expect(rounds(loss, 100, () => false)).toBeUndefined()
    expect(rounds(loss, 10, bytes => bytes > 8_900)).toBeLessThanOrEqual(4)
    expect(loss.finding).toEqual({ largestWorkingBytes: 8_900, smallestLostBytes: 65_536 })
  })

  test('where the largest are never tried, because the ones before them end the connection', () => {
    const loss = new LargePacketLoss(SIZES)
    for (let round = 0; round < 6; round++) {
      loss.answered(64)
      loss.answered(1_400)
      loss.timedOut(8_900)
    }
    expect(loss.finding).toEqual({ largestWorkingBytes: 1_400, smallestLostBytes: 8_900 })
  })

  test('from the smallest of them, even if a larger one is known to be lost first', () => {
    const loss = new LargePacketLoss(SIZES)
    loss.timedOut(65_536)
    expect(rounds(loss, 10, bytes => bytes > 1_400)).toBe(4)
    expect(loss.finding).toEqual({ largestWorkingBytes: 1_400, smallestLostBytes: 8_900 })
  })

  test('no longer once one arrives', () => {
    const loss = new LargePacketLoss(SIZES)
    rounds(loss, 10, bytes => bytes > 1_400)
    loss.answered(65_536)
    expect(loss.finding).toBeUndefined()
  })
})

describe('large packets are not known to be lost', () => {
  test('where all are lost, or only small ones', () => {
    expect(rounds(new LargePacketLoss(SIZES), 1_000, () => true)).toBeUndefined()
    expect(rounds(new LargePacketLoss(SIZES), 1_000, bytes => bytes < 100)).toBeUndefined()
  })

  test('where one of the middle is lost and a larger one arrives', () => {
    expect(rounds(new LargePacketLoss(SIZES), 1_000, bytes => bytes === 8_900)).toBeUndefined()
  })

  test('when the path is down for a time', () => {
    const loss = new LargePacketLoss(SIZES)
    rounds(loss, 20, () => false)
    expect(rounds(loss, 20, () => true)).toBeUndefined()
    expect(rounds(loss, 20, () => false)).toBeUndefined()
  })

  test.each([1, 2, 3, 4, 5])('where exchanges fail at random: 5 %% of them, or a fifth of the largest (%d)', seed => {
    const random = randoms(seed)
    expect(rounds(new LargePacketLoss(SIZES), 20_000, () => random() < 0.05)).toBeUndefined()
    expect(rounds(new LargePacketLoss(SIZES), 20_000, bytes => random() < (bytes === 65_536 ? 0.2 : 0.05))).toBeUndefined()
  })
})
