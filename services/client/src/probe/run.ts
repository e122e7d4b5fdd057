import { createRegistry, EXIT, type Logger, stopOnSignal } from '@nihao/service'
import { startTargetsAdmin } from '../admin.ts'
import { registerCounts, registerDurations } from '../metrics.ts'
import { program } from '../program.ts'
import type { ProbeConfig } from '../settings.ts'
import { Probe } from './probe.ts'

/** Watches every target until a signal comes, and tells over HTTP what it sees. */
export async function runProbe(config: ProbeConfig, logger: Logger): Promise<void> {
  const registry = createRegistry(program.name, program.version, logger)
  const probe = new Probe(config, registerDurations(registry), logger)
  const { targets } = probe
  registerCounts(registry, targets)
  if (!(await startTargetsAdmin(config, logger, { targets, registry, stopping: () => probe.stopping }))) return
  probe.start()

  stopOnSignal(logger, async () => {
    await probe.stop()
    return EXIT.ok
  })
}
