import type { Figures } from '../../../report/results.ts'
import { type Check, needsReplies } from '../check.ts'
import type { CheckContext } from '../check-context.ts'
import { CheckFailure, withFigures } from '../check-failure.ts'

/** Around the packet sizes of Ethernet, of tunnels over it and of jumbo frames, and around powers of two, in bytes. */
const SIZES = [
  1, 16, 64, 512, 1_024, 1_280, 1_400, 1_408, 1_420, 1_432, 1_440, 1_448, 1_452, 1_460, 1_472, 1_480, 1_492, 1_500, 1_514, 1_540,
  1_600, 4_096, 8_192, 8_948, 9_000, 9_018, 16_384, 65_535, 65_536, 65_537, 262_144, 1_048_576,
]

/** Fits into one packet on any path. */
const SMALL_BYTES = 64

/** The range of common MTUs: if failures begin in this range, packets are the likely cause, not the server. */
const MIN_MTU_BYTES = 1_200
const MAX_MTU_BYTES = 9_018

/** Requests of many sizes from one byte to 1 MiB, each on a new connection, get their replies. */
export const sizes: Check = {
  skipReason: needsReplies,
  // Each size may take the check timeout; with long round trips, all sizes together take longer.
  limitMs: ({ checkTimeout }) => 3 * checkTimeout,
  async run(context) {
    let largestBytes = 0
    for (const sizeBytes of SIZES) {
      const failed = { largestBytes, failedBytes: sizeBytes }
      try {
        await withFigures(exchange(context, sizeBytes), () => failed)
      } catch (error) {
        throw error instanceof CheckFailure && error.reason === 'timeout' ? await withSmall(context, error) : error
      }
      largestBytes = sizeBytes
    }
    return { sizes: SIZES.length, largestBytes }
  },
  hints: {
    timeout: hintForTimeout,
    eof: 'The server or a proxy closes on requests of this size.',
    reset: 'The server or a proxy resets the connection on requests of this size.',
    protocol: 'The server limits messages to less than 1 MiB.',
    mismatch: 'The server truncates or splits requests of this size: its buffer is too small.',
    otherwise: 'The server or a proxy limits the size of a request.',
  },
}

async function exchange(context: CheckContext, sizeBytes: number): Promise<void> {
  using connection = await context.connect({ message: context.textFor(sizeBytes) })
  await connection.exchange(context.values.checkTimeout)
}

/** Adds whether a small request still gets its reply, which means that the size is the cause. */
async function withSmall(context: CheckContext, { reason, message, figures, facts }: CheckFailure): Promise<CheckFailure> {
  const small = await exchange(context, SMALL_BYTES).then(
    () => 'answered',
    () => 'failed',
  )
  return new CheckFailure(reason, message, { ...figures, smallRequest: small }, facts)
}

function hintForTimeout(figures: Figures): string {
  const failedBytes = Number(figures.failedBytes)
  if (figures.smallRequest !== 'answered') {
    return 'Small requests now fail too, so the size is probably not the cause: the server hangs, or the path is down.'
  }
  return failedBytes >= MIN_MTU_BYTES && failedBytes <= MAX_MTU_BYTES
    ? 'Smaller requests are answered: full-size packets are lost, and so are the ICMP messages about them (a path MTU black hole; clamp the MSS).'
    : 'Smaller requests are answered: the server or a proxy does not reply to requests of this size, or the path is too slow for them.'
}
