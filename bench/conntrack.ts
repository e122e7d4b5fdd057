import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

const folder = '/proc/sys/net/netfilter'
const pollMs = 1_000
const giveUpMs = 180_000

/**
 * Waits until the kernel's table of tracked connections is at most half full. Where a firewall or a container engine has switched
 * tracking on, each closed connection stays in it for two minutes, and a full table drops new connections of the whole machine.
 */
export async function waitForConntrack(): Promise<void> {
  const limit = read('nf_conntrack_max')
  const deadline = performance.now() + giveUpMs
  while (limit !== undefined && (read('nf_conntrack_count') ?? 0) > limit / 2) {
    if (performance.now() > deadline)
      throw new Error(`more than half of ${limit} tracked connections are in use: too few left to measure`)
    await delay(pollMs)
  }
}

function read(name: string): number | undefined {
  try {
    return Number(readFileSync(`${folder}/${name}`, 'utf8'))
  } catch {
    return undefined // no connection tracking here
  }
}
