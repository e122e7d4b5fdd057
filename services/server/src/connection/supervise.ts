import type { Connection } from './connection.ts'

/** Takes the step that is due on a connection, if any. An unexpected error terminates only this connection. */
export function supervise(connection: Connection, nowMs: number): void {
  try {
    if (connection.heldBytes > 0 || connection.bufferedBytes > 0) connection.recount()
    const step = connection.lifetime.next(nowMs, connection)
    if (step === undefined) return
    if (step.action === 'keepAlive') connection.keepAlive(step.silenceMs)
    else if (step.action === 'drain') connection.drain(step.reason, step.graceMs)
    else connection[step.action](step.reason)
  } catch (error) {
    connection.crash(error)
  }
}
