import type { Socket } from 'node:net'

/** Receives a socket's events. */
export interface SocketHandler {
  received(chunk: Buffer): void
  /** The peer has sent its FIN. */
  halfClosed(): void
  failed(error: NodeJS.ErrnoException): void
  /** Called once, at the end. */
  closed(): void
}

const HANDLER = Symbol('handler')
type HandledSocket = Socket & { [HANDLER]: SocketHandler }

/** Passes a socket's events to its handler. All sockets share these listeners, which look up the handler on the socket. */
export function handleEvents(socket: Socket, handler: SocketHandler): void {
  const handled = socket as HandledSocket
  handled[HANDLER] = handler
  handled.on('data', onData)
  handled.on('end', onEnd)
  handled.on('error', onError)
  handled.on('close', onClose)
}

function onData(this: HandledSocket, chunk: Buffer): void {
  this[HANDLER].received(chunk)
}

function onEnd(this: HandledSocket): void {
  this[HANDLER].halfClosed()
}

function onError(this: HandledSocket, error: Error): void {
  this[HANDLER].failed(error)
}

function onClose(this: HandledSocket): void {
  this[HANDLER].closed()
}
