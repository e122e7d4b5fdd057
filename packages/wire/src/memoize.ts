/** Caches the result of `create` per options object: connections with the same options share it, so a large message is stored once. */
export function memoize<Options extends object, Created>(create: (options: Options) => Created): (options: Options) => Created {
  const cache = new WeakMap<Options, Created>()
  return options => {
    const created = cache.get(options) ?? create(options)
    cache.set(options, created)
    return created
  }
}
