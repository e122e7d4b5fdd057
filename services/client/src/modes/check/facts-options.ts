import type { FactsOptions, Instruments } from '../../outages/facts.ts'

/** A check has no history: nothing worked before, and its replies may be large. */
export function factsOptions(timeoutMs: number, instruments: Instruments, kernel?: FactsOptions['kernel']): FactsOptions {
  return { timeoutMs, smallReply: false, instruments, before: undefined, kernel, lastTroubleMs: () => Number.NaN }
}
