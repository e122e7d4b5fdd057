import { createRegistry, EXIT, type Logger, stopOnSignal } from '@nihao/service'
import { startTargetsAdmin } from '../../admin.ts'
import { registerCounts, registerDurations } from '../../metrics.ts'
import { program } from '../../program.ts'
import type { ProbeConfig } from '../../settings.ts'
import { Prober } from './prober.ts'

/** Probes every target until a signal arrives, and serves the results over HTTP. */
export async function runProbe(config: ProbeConfig, logger: Logger): Promise<void> {
  const registry = createRegistry(program.name, program.version, logger)
  const prober = new Prober(config, registerDurations(registry), logger)
  const { targets } = prober
  registerCounts(registry, targets)
  if (!(await startTargetsAdmin(config, logger, { targets, registry, stopping: () => prober.stopping }))) return
  prober.start()

  stopOnSignal(logger, async () => {
    await prober.stop()
    return EXIT.ok
  })
}
