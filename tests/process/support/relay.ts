import { connect } from 'node:net'
import { ScriptedServer } from './scripted-server.ts'

/** Forwards connections to a local port, from another source address, as NAT does. */
export function relayFrom(localAddress: string, port: number): Promise<ScriptedServer> {
  return ScriptedServer.listen(socket => {
    const onward = connect({ port, host: '127.0.0.1', localAddress, allowHalfOpen: true, noDelay: true })
    onward.on('error', () => socket.destroy())
    onward.on('close', () => socket.destroy())
    socket.on('close', () => onward.destroy())
    socket.pipe(onward).pipe(socket)
  })
}
