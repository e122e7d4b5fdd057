import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { expect, test } from '@jest/globals'
import { Registry } from 'prom-client'
import { registerKernelCounters } from './kernel-counters.ts'

const names = ['retransmitted_segments', 'resets_sent', 'established_resets', 'syn_retransmits', 'listen_overflows', 'timeouts']

async function read(registry: Registry): Promise<Map<string, number>> {
  const samples = (await registry.metrics()).matchAll(/^tcp_netns_(\w+)_total (\S+)$/gm)
  return new Map([...samples].map(([, name = '', value]) => [name, Number(value)]))
}

/** Opens a TCP connection on loopback and resets it. */
async function resetOneConnection(): Promise<void> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const accepted = new Promise<void>(resolve => {
    server.once('connection', socket => socket.once('error', () => resolve()).resume())
  })
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1', () => socket.resetAndDestroy())
  await accepted
  server.close()
}

const onLinux = process.platform === 'linux' ? test : test.skip

onLinux('all counters are exported, and a reset increments two of them', async () => {
  const registry = new Registry()
  registerKernelCounters(registry)
  const before = await read(registry)
  expect([...before.keys()].sort()).toEqual([...names].sort())
  for (const value of before.values()) expect(Number.isSafeInteger(value)).toBe(true)

  await resetOneConnection()
  const after = await read(registry)
  expect(after.get('resets_sent')).toBeGreaterThan(before.get('resets_sent') ?? Number.NaN)
  expect(after.get('established_resets')).toBeGreaterThan(before.get('established_resets') ?? Number.NaN)
})

onLinux('each counter reads the right column', async () => {
  const registry = new Registry()
  registerKernelCounters(registry)
  const column = (file: string, line: string, name: string) => {
    const rows = readFileSync(`/proc/net/${file}`, 'utf8').split('\n')
    const at = rows.findIndex(row => row.startsWith(`${line}: `))
    return Number(rows[at + 1]?.split(' ')[rows[at]?.split(' ').indexOf(name) ?? -1])
  }
  const sources: Record<string, [string, string, string]> = {
    retransmitted_segments: ['snmp', 'Tcp', 'RetransSegs'],
    syn_retransmits: ['netstat', 'TcpExt', 'TCPSynRetrans'],
    listen_overflows: ['netstat', 'TcpExt', 'ListenOverflows'],
    timeouts: ['netstat', 'TcpExt', 'TCPTimeouts'],
  }
  for (const [name, source] of Object.entries(sources)) {
    // Other programs on this machine may increment the counter meanwhile.
    const before = column(...source)
    const shown = (await read(registry)).get(name)
    expect(shown).toBeGreaterThanOrEqual(before)
    expect(shown).toBeLessThanOrEqual(column(...source))
  }
})
