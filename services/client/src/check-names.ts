/** Every check by its name, in the order in which they run: each builds on what those before it have shown. */
export const checkNames = [
  'connect',
  'hello',
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

/** The checks that two settings leave: those of `only`, or all where it is empty, without those of `skip`. */
export function selectChecks(only: readonly CheckName[], skip: readonly CheckName[]): CheckName[] {
  return checkNames.filter(name => (only.length === 0 || only.includes(name)) && !skip.includes(name))
}
