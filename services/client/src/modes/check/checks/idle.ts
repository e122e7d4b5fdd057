import { type Check, needsRequests } from '../check.ts'
import { withFigures } from '../check-failure.ts'

/** How long the connection must survive after the last exchange. */
const QUIET_MS = 200

/** A connection still works after being idle. */
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
    eof: 'An idle timeout of the server or a proxy closes idle connections: raise it, or send data more often.',
    reset:
      'An idle timeout resets idle connections, or a NAT or firewall has dropped the state of this one and rejects its packets.',
    timeout:
      'A NAT or firewall has probably dropped the state of the idle connection and drops its packets: enable TCP keep-alive below its timeout.',
    otherwise: 'Idle connections do not survive on this path.',
  },
}
