import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { run } from '../faults/tools.ts'
import type { Container, Environment } from './laboratory.ts'
import type { Pair } from './pair.ts'

/** Replaces the servers one after the other, as a rollout does; the new ones have these settings. */
export async function replaceServers(pair: Pair, env: Environment = {}): Promise<void> {
  for (const old of pair.servers.splice(0)) {
    const next = await pair.startServer(env)
    await next.ready()
    await old.do('stop', '--time', '30')
  }
}

/** A service that stands still for some time, again and again. */
export async function stopAgainAndAgain(service: Container, forMs: number, everyMs: number, times: number): Promise<void> {
  // Signals, because `docker pause` cannot be repeated so fast.
  for (let turn = 0; turn < times; turn++) {
    await service.do('kill', '--signal', 'STOP')
    await delay(forMs)
    await service.do('kill', '--signal', 'CONT')
    await delay(everyMs - forMs)
  }
}

/** Connections that request four megabytes of replies each, and read nothing. */
export async function neverRead({ server }: Pair): Promise<void> {
  for (const socket of connections(await server.address(), 3)) {
    socket.pause()
    socket.write(Buffer.alloc(4 * 2 ** 20, '\n'))
  }
}

/** Many connections that arrive all at once, again and again. */
export async function burstAgainAndAgain({ server }: Pair): Promise<void> {
  const host = await server.address()
  for (let turn = 0; turn < 8; turn++) {
    const sockets = connections(host, 300)
    await delay(3_000)
    for (const socket of sockets) socket.destroy()
  }
}

function connections(host: string, count: number): Socket[] {
  return Array.from({ length: count }, () => {
    const socket = connect({ host, port: 1234 }).on('error', () => {})
    socket.unref()
    return socket
  })
}

/** Replaces a certificate by something else. */
export async function spoilCertificates({ certificates }: Pair): Promise<void> {
  for (const name of ['tls.crt', 'ca.crt']) writeFileSync(join(certificates?.path ?? '', name), 'rubbish')
}

/** The client's kernel loses one of ten packets that arrive. Needs root and iptables on this machine. */
export async function losePackets({ client }: Pair): Promise<void> {
  const lose = [
    'iptables',
    '-A',
    'INPUT',
    '-p',
    'tcp',
    '-m',
    'statistic',
    '--mode',
    'random',
    '--probability',
    '0.1',
    '-j',
    'DROP',
  ]
  await run(['nsenter', '--target', await client.processId(), '--net', ...lose])
}
