import { cpus, loadavg, release, totalmem } from 'node:os'
import { versionOf } from './build.ts'

/** The machine and the toolchains, in one line. */
export function describeMachine(): string {
  const processors = cpus()
  const memoryGiB = Math.round(totalmem() / 2 ** 30)
  const go = versionOf('go', 'version')?.split(' ')[2]?.replace('go', 'Go ') ?? 'Go missing'
  const gcc = versionOf('gcc', '--version')?.split(' ').at(-1)
  const hardware = `${processors[0]?.model ?? 'unknown CPU'}, ${processors.length} cores, ${memoryGiB} GiB`
  return `${hardware} · Linux ${release()} · Node ${process.version} · ${go} · GCC ${gcc}`
}

/** Load average of the last minute: if it is above 0 before a run, the machine was busy. */
export function loadAverage(): number {
  return loadavg()[0] ?? 0
}
