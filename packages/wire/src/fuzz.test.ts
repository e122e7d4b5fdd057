import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from '@jest/globals'
import { fuzzOnce, Random } from './fuzz.ts'

/** Longer, for once: `FUZZ_SECONDS=600 npx jest --selectProjects unit --testPathPatterns fuzz`; FUZZ_SEED repeats a run. */
const seconds = Number(process.env.FUZZ_SECONDS ?? 2)
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31)
const BATCH = 1_000
const MEBIBYTE = 2 ** 20

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

/** Bytes that are still in use when all garbage is gone, and those of the whole process. */
function memory(): { usedBytes: number; residentBytes: number } {
  for (let turn = 0; turn < 3; turn++) collectGarbage()
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
  return { usedBytes: heapUsed + arrayBuffers, residentBytes: rss }
}

const mebibytes = (bytes: number) => Math.round(bytes / MEBIBYTE)

test(
  `probe takes whatever comes, for ${seconds} s (FUZZ_SEED=${seed})`,
  () => {
    const random = new Random(seed)
    const outcomes: Record<string, number> = {}
    const run = () => {
      for (let input = 0; input < BATCH; input++) {
        const outcome = fuzzOnce(random)
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
      }
    }
    for (let warmUp = 0; warmUp < 3; warmUp++) run()
    const before = memory()
    const startMs = performance.now()
    let slowestMs = 0
    while (performance.now() - startMs < seconds * 1_000) {
      const batchMs = performance.now()
      run()
      slowestMs = Math.max(slowestMs, performance.now() - batchMs)
    }
    const after = memory()
    const inputs = Object.values(outcomes).reduce((sum, count) => sum + count, 0)
    process.stderr.write(
      `    ${inputs} inputs in ${seconds} s: ${JSON.stringify(outcomes)}; in use ${mebibytes(before.usedBytes)} MiB before, ` +
        `${mebibytes(after.usedBytes)} after; resident ${mebibytes(before.residentBytes)}, ${mebibytes(after.residentBytes)}\n`,
    )
    // Every way out was taken: the inputs reach behind the first check.
    const known = ['frame_payload', 'frame_too_long', 'frame_too_short', 'frame_type', 'Rejected', 'well', 'WrongReply']
    expect(Object.keys(outcomes).sort((one, other) => one.localeCompare(other))).toEqual(known)
    expect(slowestMs).toBeLessThan(5_000)
    expect(after.usedBytes - before.usedBytes).toBeLessThan(5 * MEBIBYTE)
    expect(after.residentBytes - before.residentBytes).toBeLessThan(400 * MEBIBYTE) // what the collector leaves lying about
  },
  (seconds + 60) * 1_000,
)
