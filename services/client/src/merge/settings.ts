import { ConfigError, parseCommandLine, readSettings, type Source, type Values } from '@nihao/service'
import { commonSettings } from '../settings/common.ts'
import { resultSettings } from '../settings/load.ts'
import { modes } from '../settings.ts'

/** The settings of `nihao-client merge`. */
export const mergeSettings = { ...resultSettings, logLevel: commonSettings.logLevel }

export type MergeConfig = Values<typeof mergeSettings> & {
  /** The reports to merge. */
  readonly files: readonly string[]
}

/** True if the first word of the command line is `merge`. */
export const isMerge = (args: readonly string[]): boolean => parseCommandLine(args).words[0] === 'merge'

/**
 * Reads `nihao-client merge [setting …] report …` and the environment.
 * @throws {ConfigError} with all problems at once
 */
export function readMergeConfig({ env, args }: Source): MergeConfig {
  const otherCommands = Object.fromEntries(Object.values(modes).map(({ name, settings }) => [name, settings]))
  const { values, words, problems } = readSettings(mergeSettings, env, parseCommandLine(args), otherCommands)
  const [, ...files] = words
  if (files.length === 0) problems.push('no report: expected at least one file written by nihao-client load --report json')
  const repeated = new Set(files.filter((file, index) => files.indexOf(file) !== index))
  for (const file of repeated) problems.push(`${file} is given more than once`)
  if (problems.length > 0) throw new ConfigError(problems)
  return Object.freeze({ ...values, files })
}
