import { junitReporter } from '../../report/junit.ts'
import type { Reporter } from '../../report/results.ts'
import { tapReporter } from '../../report/tap.ts'
import { jsonReporter } from './reporters/json.ts'
import { textReporter } from './reporters/text.ts'

/** The reporter for each value of the setting `report`. */
export const reporters: Readonly<Record<'text' | 'json' | 'junit' | 'tap', () => Reporter>> = {
  text: textReporter,
  json: jsonReporter,
  junit: () => junitReporter('nihao-client check'),
  tap: tapReporter,
}
