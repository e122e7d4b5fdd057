import type { Reporter } from './report.ts'
import { jsonReporter } from './reporters/json.ts'
import { junitReporter } from './reporters/junit.ts'
import { tapReporter } from './reporters/tap.ts'
import { textReporter } from './reporters/text.ts'

/** All report formats by the value of the setting; each creates a reporter for one run. */
export const reporters: Readonly<Record<'text' | 'json' | 'junit' | 'tap', () => Reporter>> = {
  text: textReporter,
  json: jsonReporter,
  junit: junitReporter,
  tap: tapReporter,
}
