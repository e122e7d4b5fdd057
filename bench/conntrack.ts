import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

const folder = '/proc/sys/net/netfilter'
const pollMs = 1_000
const giveUpMs = 180_000
/** More connections than any single measurement opens. */
const requiredEntries = 30_000

/**
 * Waits until the kernel's table of tracked connections has room for a measurement. Where a firewall or a container engine has enabled
 * tracking, each closed connection stays in the table for two minutes, and with a full table the kernel drops new connections of the whole machine.
 */
export async function waitForConntrack(): Promise<void> {
  const limit = read('nf_conntrack_max')
  if (limit === undefined) return
  const highest = Math.max(limit - requiredEntries, limit / 2)
  const deadline = performance.now() + giveUpMs
  while ((read('nf_conntrack_count') ?? 0) > highest) {
    if (performance.now() > deadline) throw new Error(`connection tracking: more than ${highest} of ${limit} entries are in use`)
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
