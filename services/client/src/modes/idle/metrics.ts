import { Counter, Gauge, type Registry } from 'prom-client'
import { failureReasons } from '../../failure.ts'
import { findings, type Ladder } from './ladder.ts'

/**
 * Registers what ladders tell.
 * @param ladders all that there will be, for series from the start
 * @returns takes the findings of a ladder that was climbed
 */
export function registerLadders(registry: Registry, ladders: readonly Ladder[]): (ladder: Ladder) => void {
  const labelNames = ['target', 'keep_alive']
  const registers = [registry]
  const climbed = new Counter({
    name: 'tcp_client_idle_ladders_total',
    help: 'Ladders of silences that were climbed to their end.',
    labelNames,
    registers,
  })
  const survived = new Gauge({
    name: 'tcp_client_idle_survived_seconds',
    help: 'The longest silence that a connection of the last ladder survived; 0 = none.',
    labelNames,
    registers,
  })
  const firstDeath = new Gauge({
    name: 'tcp_client_idle_first_death_seconds',
    help: 'The shortest silence within which a connection of the last ladder died; 0 = none did.',
    labelNames,
    registers,
  })
  const deaths = new Counter({
    name: 'tcp_client_idle_deaths_total',
    help: 'Connections that did not survive their silence.',
    labelNames: [...labelNames, 'reason'],
    registers,
  })

  for (const ladder of ladders) {
    const labels = labelsOf(ladder)
    climbed.inc(labels, 0)
    for (const gauge of [survived, firstDeath]) gauge.set(labels, 0)
    for (const reason of failureReasons) deaths.inc({ ...labels, reason }, 0)
  }
  return ladder => {
    const labels = labelsOf(ladder)
    const found = findings(ladder)
    climbed.inc(labels)
    survived.set(labels, (found.survivedMs ?? 0) / 1_000)
    firstDeath.set(labels, (found.firstDeath?.silentMs ?? 0) / 1_000)
    for (const { fate } of ladder.rungs) if (fate?.outcome === 'died') deaths.inc({ ...labels, reason: fate.failure.reason })
  }
}

function labelsOf({ target, keepAliveMs }: Ladder): Record<string, string> {
  return { target: target.url, keep_alive: keepAliveMs === 0 ? 'off' : 'on' }
}
