import { expect, test } from '@jest/globals'
import { fuzzOnce, Random } from './fuzz.ts'

/** Longer, for once: `FUZZ_SECONDS=600 npx jest --selectProjects unit --testPathPatterns fuzz`; FUZZ_SEED repeats a run. */
const seconds = Number(process.env.FUZZ_SECONDS ?? 2)
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31)
const BATCH = 1_000
const MEBIBYTE = 2 ** 20

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
    const before = process.memoryUsage.rss()
    const startMs = performance.now()
    let slowestMs = 0
    while (performance.now() - startMs < seconds * 1_000) {
      const batchMs = performance.now()
      run()
      slowestMs = Math.max(slowestMs, performance.now() - batchMs)
    }
    const grown = process.memoryUsage.rss() - before
    const inputs = Object.values(outcomes).reduce((sum, count) => sum + count, 0)
    process.stderr.write(
      `    ${inputs} inputs in ${seconds} s; RSS ${Math.round(before / MEBIBYTE)} MiB, ${Math.round(grown / MEBIBYTE)} MiB more at the end; ${JSON.stringify(outcomes)}\n`,
    )
    // Every way out was taken: the inputs reach behind the first check.
    const known = ['frame_payload', 'frame_too_long', 'frame_too_short', 'frame_type', 'Rejected', 'well', 'WrongReply']
    expect(Object.keys(outcomes).sort((one, other) => one.localeCompare(other))).toEqual(known)
    expect(slowestMs).toBeLessThan(5_000)
    expect(grown).toBeLessThan(200 * MEBIBYTE)
  },
  (seconds + 60) * 1_000,
)
