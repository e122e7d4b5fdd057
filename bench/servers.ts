import { join } from 'node:path'
import type { Services } from './build.ts'

/** The protocols of nihao that are measured. */
export const protocols = ['echo', 'greet', 'probe'] as const
export type Protocol = (typeof protocols)[number]

/** A server program to measure. */
export type ServerKind = {
  name: string
  /** `undefined`: its toolchain is missing. */
  command: string[] | undefined
  environment?: Record<string, string>
  /** Protocol of the listener under load; a comparison server echoes. */
  protocol: Protocol
  /** Returns the port if this output line reports it. */
  portIn: (line: string) => number | undefined
}

/** The reference of all ratios. */
export const bareNode = bare('bare Node', [process.execPath, join(import.meta.dirname, 'servers', 'bare-node.mjs')])

/** The same program: its ratio to bare Node is noise. */
export const bareNodeAgain: ServerKind = { ...bareNode, name: 'bare Node again' }

/** A server that prints its port and echoes. */
export function bare(name: string, command: string[] | undefined): ServerKind {
  return { name, command, protocol: 'echo', portIn: line => (/^\d+$/.test(line) ? Number(line) : undefined) }
}

/** nihao-server as its image starts it, with default metrics, limits and log. It has a listener per protocol; one of them gets the load. */
export function nihao(name: string, protocol: Protocol, { server, serverOptions }: Services): ServerKind {
  return {
    name,
    command: [process.execPath, ...serverOptions, server],
    environment: {
      NIHAO_LISTEN: protocols.map(each => `${each}://127.0.0.1:0`).join(' '),
      NIHAO_ADMIN_HOST: '127.0.0.1',
      NIHAO_ADMIN_PORT: '0',
    },
    protocol,
    portIn: line => listeningPort(line, protocol),
  }
}

/** The port in the log line of a listener of this protocol. */
export function listeningPort(line: string, protocol: string): number | undefined {
  const entry = JSON.parse(line) as { msg?: string; listener?: string; port?: number }
  return entry.msg === 'listening' && entry.listener?.startsWith(`${protocol}:`) ? entry.port : undefined
}
