import type { Socket } from 'node:net'
import * as frames from './frames.ts'
import type { Script } from './scripted-server.ts'

const TYPES = { hello: 1, ping: 2, pong: 3, goAway: 4, reject: 5, bye: 6, summary: 7 }

/** A frame of the probe protocol whose payload is JSON. */
export function frame(type: keyof typeof TYPES, message: object): Buffer {
  return frames.frame(TYPES[type], JSON.stringify(message))
}

export const hello = frame('hello', { version: 1, server: 'scripted' })

/** Answers PINGs and BYE; `first` is written immediately. @param inventedPings number of additional PINGs that SUMMARY claims */
export function probe(first: Buffer = hello, inventedPings = 0): Script {
  return (socket: Socket) => {
    let rest = Buffer.alloc(0)
    const totals = { pings: inventedPings, receivedBytes: 0, sentBytes: 0, corrupt: 0 }
    const send = (bytes: Buffer) => {
      totals.sentBytes += bytes.length
      socket.write(bytes)
    }
    send(first)
    socket.on('end', () => socket.end())
    socket.on('data', chunk => {
      totals.receivedBytes += chunk.length
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= 4 && rest.length >= rest.readUInt32BE(0) + 4) {
        const whole = rest.subarray(0, rest.readUInt32BE(0) + 4)
        rest = rest.subarray(whole.length)
        if (whole[4] === TYPES.ping) {
          totals.pings++
          send(frames.pongTo(whole))
        } else if (whole[4] === TYPES.bye) socket.end(frame('summary', totals))
      }
    })
  }
}
