import type { FailureReason } from '../../failure.ts'
import type { Facts } from '../../outages/facts.ts'
import type { Figures } from '../../report/results.ts'

/** Why a check failed, and the observations until then. */
export class CheckFailure extends Error {
  override readonly name = 'CheckFailure'
  readonly reason: FailureReason
  readonly figures: Figures
  /** What is known of the connection that failed. */
  readonly facts: Facts | undefined

  constructor(reason: FailureReason, message: string, figures: Figures, facts?: Facts) {
    super(message)
    this.reason = reason
    this.figures = figures
    this.facts = facts
  }
}

/** Adds the caller's figures to a failure of these steps. */
export async function withFigures<Value>(steps: Promise<Value>, figures: () => Figures): Promise<Value> {
  try {
    return await steps
  } catch (error) {
    if (!(error instanceof CheckFailure)) throw error
    throw new CheckFailure(error.reason, error.message, { ...figures(), ...error.figures }, error.facts)
  }
}
