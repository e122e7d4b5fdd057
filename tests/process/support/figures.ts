/** Prints a measured figure that no test asserts. */
export function note(text: string): void {
  process.stderr.write(`    ${text}\n`)
}

export const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`
