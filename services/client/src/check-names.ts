/** The names of all checks, in the order in which they run: each relies on the ones before it. */
export const checkNames = [
  'connect',
  'hello',
  'source',
  'exchange',
  'utf8-pieces',
  'large',
  'half-close',
  'short-connections',
  'concurrent',
  'backpressure',
  'sizes',
  'idle',
] as const
export type CheckName = (typeof checkNames)[number]

/** The selected checks: those of `only`, or all if it is empty, without those of `skip`. */
export function selectChecks(only: readonly CheckName[], skip: readonly CheckName[]): CheckName[] {
  return checkNames.filter(name => (only.length === 0 || only.includes(name)) && !skip.includes(name))
}
