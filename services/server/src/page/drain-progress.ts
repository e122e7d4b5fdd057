import type { DrainStage, ServerEvents } from '../events.ts'

/** The stage of a drain, since when, and how many connections were open when it began. */
export interface DrainProgress {
  readonly stage: DrainStage
  /** Monotonic clock. */
  readonly sinceMs: number
  readonly connections: number
}

/** @returns the progress of the drain; undefined before it begins */
export function followDrain(events: ServerEvents): () => DrainProgress | undefined {
  let progress: DrainProgress | undefined
  events.on('draining', stage => {
    progress = { stage, sinceMs: performance.now(), connections: progress?.connections ?? stage.connections }
  })
  return () => progress
}
