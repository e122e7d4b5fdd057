import { type Command, processSource, runCommand } from '@nihao/service'
import { help } from './help.ts'
import { runMerge } from './merge/run.ts'
import { isMerge, readMergeConfig } from './merge/settings.ts'
import { runCheck } from './modes/check/run.ts'
import { runIdle } from './modes/idle/run.ts'
import { runLoad } from './modes/load/run.ts'
import { runProbe } from './modes/probe/run.ts'
import { program } from './program.ts'
import { type ModeName, modes, readModeConfig, selectMode } from './settings.ts'

const source = processSource()
const common = { ...program, help: () => help(source.args) }

// Stdout is reserved for the report.
const commands: Record<ModeName, () => Promise<void>> = {
  probe: () =>
    run({
      ...common,
      readConfig: source => readModeConfig(modes.probe, source),
      logTo: ({ duration }) => (duration > 0 ? 'stderr' : 'stdout'),
      run: runProbe,
    }),
  load: () => run({ ...common, readConfig: source => readModeConfig(modes.load, source), logTo: () => 'stderr', run: runLoad }),
  check: () =>
    run({ ...common, readConfig: source => readModeConfig(modes.check, source), logTo: () => 'stderr', run: runCheck }),
  idle: () =>
    run({
      ...common,
      readConfig: source => readModeConfig(modes.idle, source),
      logTo: ({ repeat }) => (repeat === 0 ? 'stderr' : 'stdout'),
      run: runIdle,
    }),
}

const run = <Config extends { readonly logLevel: string }>(command: Command<Config>) => runCommand(command, source)

if (isMerge(source.args)) await run({ ...common, readConfig: readMergeConfig, logTo: () => 'stderr', run: runMerge })
else await commands[selectMode(source)]()
