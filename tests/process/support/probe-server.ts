import type { Socket } from 'node:net'
import { crc32 } from 'node:zlib'
import type { Script } from './scripted-server.ts'

const HEADER_BYTES = 13
const TYPES = { hello: 1, ping: 2, pong: 3, goAway: 4, reject: 5, bye: 6, summary: 7 }

/** A frame of the probe protocol whose payload is JSON. */
export function frame(type: keyof typeof TYPES, message: object): Buffer {
  const payload = Buffer.from(JSON.stringify(message))
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt32BE(HEADER_BYTES - 4 + payload.length, 0)
  header[4] = TYPES[type]
  header.writeUInt32BE(crc32(payload), 9)
  return Buffer.concat([header, payload])
}

export const hello = frame('hello', { version: 1, server: 'scripted' })

/** Answers PINGs and BYE; `first` is written at once. @param inventedPings how many PINGs more SUMMARY counts than there were */
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
      while (rest.length >= HEADER_BYTES && rest.length >= rest.readUInt32BE(0) + 4) {
        const whole = Buffer.from(rest.subarray(0, rest.readUInt32BE(0) + 4))
        rest = rest.subarray(whole.length)
        if (whole[4] === TYPES.ping) {
          totals.pings++
          whole[4] = TYPES.pong
          send(whole)
        } else if (whole[4] === TYPES.bye) socket.end(frame('summary', totals))
      }
    })
  }
}
