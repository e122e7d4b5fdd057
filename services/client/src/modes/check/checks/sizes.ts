import { type Check, needsReplies } from '../check.ts'
import type { Scene } from '../check-context.ts'
import { withFigures } from '../check-failure.ts'

/** Around what fits into packets of Ethernet, of tunnels over it and of jumbo frames, and around powers of two, in bytes. */
const SIZES = [
  1, 16, 64, 512, 1_024, 1_280, 1_400, 1_408, 1_420, 1_432, 1_440, 1_448, 1_452, 1_460, 1_472, 1_480, 1_492, 1_500, 1_514, 1_540,
  1_600, 4_096, 8_192, 8_948, 9_000, 9_018, 16_384, 65_535, 65_536, 65_537, 262_144, 1_048_576,
]

/** Requests of many sizes, a connection each, from one byte to 1 MiB: each gets its reply. */
export const sizes: Check = {
  unfit: needsReplies,
  // Each size may take the check timeout; on a path of long round trips, all together take more.
  limitMs: ({ checkTimeout }) => 3 * checkTimeout,
  async run(scene) {
    let largestBytes = 0
    for (const sizeBytes of SIZES) {
      await withFigures(exchange(scene, sizeBytes), () => ({ largestBytes, failedBytes: sizeBytes }))
      largestBytes = sizeBytes
    }
    return { sizes: SIZES.length, largestBytes }
  },
  means: {
    timeout:
      'An MTU hole when it begins at 1,200 to 1,500 or 9,000 bytes: packets of full size vanish, and so do the ICMP messages about it (clamp the MSS). Else a slow path.',
    eof: 'The server or a proxy closes on requests above a size.',
    reset: 'The server or a proxy cuts requests above a size.',
    protocol: 'The server has a smaller limit of a message than 1 MiB.',
    mismatch: 'The server cuts or splits requests above a size: a buffer of fixed length.',
    otherwise: 'A limit on the size of a request.',
  },
}

async function exchange(scene: Scene, sizeBytes: number): Promise<void> {
  const conversation = await scene.converse(scene.textFor(sizeBytes))
  await conversation.exchange(scene.values.checkTimeout)
  conversation[Symbol.dispose]()
}
