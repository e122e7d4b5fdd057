import { expect, test } from '@jest/globals'
import { createCapacity } from './capacity.ts'

const unlimited = Number.POSITIVE_INFINITY

test.each([
  { maxConnections: 10_000, openFiles: 20_000, limit: 10_000, limitedByFiles: false },
  { maxConnections: 10_000, openFiles: 1_024, limit: 796, limitedByFiles: true },
  { maxConnections: 0, openFiles: 1_024, limit: 796, limitedByFiles: true },
  { maxConnections: 796, openFiles: 1_024, limit: 796, limitedByFiles: false },
  { maxConnections: 0, openFiles: unlimited, limit: unlimited, limitedByFiles: false },
  { maxConnections: 50, openFiles: unlimited, limit: 50, limitedByFiles: false },
  { maxConnections: 50, openFiles: 16, limit: 1, limitedByFiles: true },
])(
  'max-connections $maxConnections and $openFiles open files allow $limit',
  ({ maxConnections, openFiles, limit, limitedByFiles }) => {
    expect(createCapacity(maxConnections, openFiles)).toEqual({
      limit,
      openFiles: limitedByFiles ? openFiles : undefined,
      open: 0,
      rejecting: 0,
    })
  },
)

test('the open file limit of this process applies', () => {
  const { limit } = createCapacity(0)
  expect(limit).toBeGreaterThan(0)
  expect(Number.isFinite(limit)).toBe(process.platform === 'linux')
})
