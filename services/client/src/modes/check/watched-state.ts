/** A state that steps wait for. */
export class WatchedState {
  readonly #failure: () => Error | undefined
  readonly #waiting = new Set<() => void>()

  /** @param failure why no state will be reached any more */
  constructor(failure: () => Error | undefined) {
    this.#failure = failure
  }

  /** Resolves when the state is reached, with false after `forMs` without it. @throws the failure */
  until(reached: () => boolean, forMs?: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const done = () => {
        this.#waiting.delete(look)
        clearTimeout(timer)
      }
      const look = () => {
        const failure = this.#failure()
        if (reached()) resolve(true)
        else if (failure !== undefined) reject(failure)
        else return
        done()
      }
      const over = () => {
        done()
        resolve(false)
      }
      const timer = forMs === undefined ? undefined : setTimeout(over, forMs)
      this.#waiting.add(look)
      look()
    })
  }

  /** Has every waiting step look again. */
  changed(): void {
    for (const look of this.#waiting) look()
  }
}
