#!/usr/bin/env -S node --conditions=source
import { type Logger, runCommand } from '@nihao/service'
import { runCheck } from './modes/check/run.ts'
import { runIdle } from './modes/idle/run.ts'
import { runLoad } from './modes/load/run.ts'
import { runProbe } from './modes/probe/run.ts'
import { program } from './program.ts'
import { type ClientConfig, type ModeName, readConfig, settings } from './settings.ts'

const modes: Record<ModeName, (config: ClientConfig, logger: Logger) => Promise<void>> = {
  probe: runProbe,
  load: runLoad,
  check: runCheck,
  idle: runIdle,
}

await runCommand({
  ...program,
  usage: '[probe|load|check|idle] [setting …] [target …]',
  settings,
  readConfig,
  // A report owns stdout.
  logTo: ({ mode, repeat }) => (mode === 'load' || mode === 'check' || (mode === 'idle' && repeat === 0) ? 'stderr' : 'stdout'),
  run: (config, logger) => modes[config.mode](config, logger),
})
