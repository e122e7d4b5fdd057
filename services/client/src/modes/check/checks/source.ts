import { sourceOf } from '../../../connect/source.ts'
import type { Check } from '../check.ts'
import { CheckFailure } from '../check-failure.ts'

/** The server sees the client's own address, or not, as expected. */
export const source: Check = {
  skipReason: protocol => (protocol === 'probe' ? undefined : 'only a probe server says which address it sees'),
  async run(context) {
    const connection = await context.connect()
    const { own, seen, translated } = sourceOf(connection.ends) ?? {}
    if (own === undefined || seen === undefined) return {}
    const figures = { own, seen }
    const expected = context.values.expectSource
    if (expected !== 'any' && (expected === 'translated') !== translated) {
      const detail = translated ? `the server sees ${seen}, not ${own}` : `the server sees ${own}, the client's own address`
      throw new CheckFailure('mismatch', detail, figures)
    }
    return figures
  },
  hints: {
    mismatch: ({ own, seen }) =>
      own === seen
        ? 'Nothing on the path translates the source address, although expect-source says so.'
        : 'NAT or a proxy on the path replaces the source address: address-based rules and logs of the server see that address.',
    otherwise: 'No connection could be made.',
  },
}
