import { type Check, needsRequests } from '../check.ts'
import { withFigures } from '../check-failure.ts'

/** How long to watch whether the connection survives the exchange after the silence. */
const QUIET_MS = 200

/** A connection still works after a silence. */
export const idle: Check = {
  skipReason: needsRequests,
  limitMs: ({ checkIdle, checkTimeout }) => checkIdle + checkTimeout,
  async run(context) {
    const { checkIdle, timeout } = context.values
    const connection = await context.connect()
    await connection.exchange(timeout)
    const startMs = performance.now()
    const silentMs = () => ({ silentMs: Math.min(checkIdle, performance.now() - startMs) })
    await withFigures(connection.quiet(checkIdle), silentMs)
    const roundTripMs = await withFigures(connection.exchange(timeout), silentMs)
    await withFigures(connection.quiet(QUIET_MS), silentMs)
    return { ...silentMs(), roundTripMs }
  },
  hints: {
    eof: 'An idle timeout of the server or of a proxy closes silent connections: use them more often, or raise it.',
    reset: 'An idle timeout resets silent connections, or a NAT or firewall has forgotten this one and rejects its packets.',
    timeout:
      'A NAT or firewall has probably forgotten the silent connection and drops its packets: TCP keep-alive below its timeout helps.',
    otherwise: 'Silent connections do not survive on this path.',
  },
}
