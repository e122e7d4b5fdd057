import { type Check, needsListener } from '../check.ts'
import { withFigures } from '../check-failure.ts'

/** How long to see whether the connection stands the exchange after the silence. */
const QUIET_MS = 200

/** A connection that was silent for a while still works. */
export const idle: Check = {
  unfit: needsListener,
  limitMs: ({ checkIdle, checkTimeout }) => checkIdle + checkTimeout,
  async run(scene) {
    const { checkIdle, timeout } = scene.values
    const conversation = await scene.converse()
    await conversation.exchange(timeout)
    const startMs = performance.now()
    const silentMs = () => ({ silentMs: Math.min(checkIdle, performance.now() - startMs) })
    await withFigures(conversation.quiet(checkIdle), silentMs)
    const roundTripMs = await withFigures(conversation.exchange(timeout), silentMs)
    await withFigures(conversation.quiet(QUIET_MS), silentMs)
    return { ...silentMs(), roundTripMs }
  },
  means: {
    eof: 'An idle timeout of the server or of a proxy closes silent connections: use them more often, or raise it.',
    reset:
      'An idle timeout cuts silent connections, or a NAT or firewall forgot this one and rejects what belongs to no connection.',
    timeout: 'A NAT or firewall forgot the silent connection and drops what comes on it: TCP keep-alive below its timeout helps.',
    otherwise: 'Silent connections do not live long on this path.',
  },
}
