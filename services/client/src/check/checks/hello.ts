import type { Check } from '../check.ts'
import { CheckFailure } from '../check-failure.ts'

/** How long a server that is to wait for the first request is watched doing so. */
const QUIET_MS = 200

/** The server says what it has to say first; or nothing, where nothing is agreed upon. */
export const hello: Check = {
  unfit: protocol => (protocol === 'chargen' ? 'a chargen server speaks without being asked' : undefined),
  async run(scene) {
    const conversation = await scene.connect()
    if (!scene.opens) {
      await conversation.quiet(QUIET_MS)
      return { quietMs: QUIET_MS }
    }
    const startMs = performance.now()
    await conversation.opened(scene.values.timeout)
    const helloMs = performance.now() - startMs
    if (scene.values.banner && scene.facts.server === undefined) return { helloMs, banner: conversation.openingText.trimEnd() }
    const { server, release } = scene.facts
    if (!scene.values.expectServer.test(String(server))) {
      throw new CheckFailure('mismatch', `the server calls itself ${JSON.stringify(server)}`, conversation.figures)
    }
    return { helloMs, server: String(server), release: String(release) }
  },
  means: {
    eof: 'A proxy or load balancer accepts for a server that is not there, or a limit of connections is reached.',
    reset: 'A proxy or load balancer accepts for a server that is not there, or the server crashes on new connections.',
    timeout: 'The server does not speak first: it is overloaded, or it does not speak this protocol.',
    mismatch:
      'The server speaks before it is asked (set banner=address if it should), or another server answers than was expected.',
    otherwise: 'Another protocol is spoken on that port.',
  },
}
