import type { Reporter } from './report.ts'
import { jsonReporter } from './reporters/json.ts'
import { junitReporter } from './reporters/junit.ts'
import { tapReporter } from './reporters/tap.ts'
import { textReporter } from './reporters/text.ts'

/** The reporter for each value of the setting `report`. */
export const reporters: Readonly<Record<'text' | 'json' | 'junit' | 'tap', () => Reporter>> = {
  text: textReporter,
  json: jsonReporter,
  junit: junitReporter,
  tap: tapReporter,
}
