import { type Check, needsListener } from '../check.ts'

/** What was sent before the client closed its side is answered; then the server closes its own. */
export const halfClose: Check = {
  unfit: needsListener,
  async run(scene) {
    const conversation = await scene.converse()
    const startMs = performance.now()
    conversation.send()
    await conversation.finish()
    return { closedAfterMs: performance.now() - startMs }
  },
  means: {
    eof: 'The server or a proxy closes at once when the client has closed its side: replies under way are lost.',
    reset: 'A proxy does not pass half-closes on: it cuts the connection, and replies under way are lost.',
    timeout: 'The server or a proxy ignores the FIN: connections pile up until an idle timeout ends them.',
    otherwise: 'A proxy does not pass half-closes on.',
  },
}
