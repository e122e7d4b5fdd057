import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

const folder = '/proc/sys/net/netfilter'
const pollMs = 1_000
const giveUpMs = 180_000

/**
 * Waits until the kernel's table of tracked connections is at most half full. Where a firewall or a container engine has enabled
 * tracking, each closed connection stays in the table for two minutes, and a full table drops new connections of the whole machine.
 */
export async function waitForConntrack(): Promise<void> {
  const limit = read('nf_conntrack_max')
  const deadline = performance.now() + giveUpMs
  while (limit !== undefined && (read('nf_conntrack_count') ?? 0) > limit / 2) {
    if (performance.now() > deadline) throw new Error(`connection tracking: more than half of its ${limit} entries are in use`)
    await delay(pollMs)
  }
}

function read(name: string): number | undefined {
  try {
    return Number(readFileSync(`${folder}/${name}`, 'utf8'))
  } catch {
    return undefined // connections are not tracked
  }
}
