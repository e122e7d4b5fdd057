/** Lets the steps of a check wait for a state. */
export class WatchedState {
  readonly #failure: () => Error | undefined
  readonly #waiting = new Set<() => void>()

  /** @param failure returns an error once no further state can be reached */
  constructor(failure: () => Error | undefined) {
    this.#failure = failure
  }

  /** Waits until `reached` returns true. Resolves with false if it does not within `forMs`. @throws the failure */
  until(reached: () => boolean, forMs?: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const done = () => {
        this.#waiting.delete(recheck)
        clearTimeout(timer)
      }
      const recheck = () => {
        const failure = this.#failure()
        if (reached()) resolve(true)
        else if (failure !== undefined) reject(failure)
        else return
        done()
      }
      // Events that arrived while this process was busy are handled first.
      const over = () =>
        setImmediate(() => {
          done()
          resolve(false)
        })
      const timer = forMs === undefined ? undefined : setTimeout(over, forMs)
      this.#waiting.add(recheck)
      recheck()
    })
  }

  /** Makes every waiting step check the state again. */
  changed(): void {
    for (const recheck of this.#waiting) recheck()
  }
}
