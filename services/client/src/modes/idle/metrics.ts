import { Counter, Gauge, type Registry } from 'prom-client'
import { failureReasons } from '../../failure.ts'
import { findings, type Ladder } from './ladder.ts'

/**
 * Registers the metrics of ladders.
 * @param ladders all of them, so that every series starts at 0
 * @returns a function that records the findings of a completed ladder
 */
export function registerLadders(registry: Registry, ladders: readonly Ladder[]): (ladder: Ladder) => void {
  const labelNames = ['target', 'keep_alive']
  const registers = [registry]
  const climbed = new Counter({
    name: 'tcp_client_idle_ladders_total',
    help: 'Completed idle ladders.',
    labelNames,
    registers,
  })
  const survived = new Gauge({
    name: 'tcp_client_idle_survived_seconds',
    help: 'Longest silence that a connection of the last ladder survived; 0 = none.',
    labelNames,
    registers,
  })
  const firstDeath = new Gauge({
    name: 'tcp_client_idle_first_death_seconds',
    help: 'Shortest silence within which a connection of the last ladder died; 0 = none.',
    labelNames,
    registers,
  })
  const deaths = new Counter({
    name: 'tcp_client_idle_deaths_total',
    help: 'Connections that did not survive their silence, by reason.',
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
    for (const { result } of ladder.rungs) {
      if (result?.outcome === 'died') deaths.inc({ ...labels, reason: result.failure.reason })
    }
  }
}

function labelsOf({ target, keepAliveMs }: Ladder): Record<string, string> {
  return { target: target.label, keep_alive: keepAliveMs === 0 ? 'off' : 'on' }
}
