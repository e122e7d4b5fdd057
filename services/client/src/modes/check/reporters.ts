import type { Reporter } from './report.ts'
import { jsonReporter } from './reporters/json.ts'
import { junitReporter } from './reporters/junit.ts'
import { tapReporter } from './reporters/tap.ts'
import { textReporter } from './reporters/text.ts'

/** Every form of a report by the word of the setting; each makes a reporter for one run of a release. */
export const reporters: Readonly<Record<'text' | 'json' | 'junit' | 'tap', () => Reporter>> = {
  text: textReporter,
  json: jsonReporter,
  junit: junitReporter,
  tap: tapReporter,
}
