/** Has what is made of options made once for all connections with the same options: a large message is not held by each of them. */
export function shared<Options extends object, Made>(make: (options: Options) => Made): (options: Options) => Made {
  const all = new WeakMap<Options, Made>()
  return options => {
    const made = all.get(options) ?? make(options)
    all.set(options, made)
    return made
  }
}
