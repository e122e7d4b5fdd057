import { helpText, parseCommandLine } from '@nihao/service'
import { isMerge, mergeSettings } from './merge/settings.ts'
import { commonSettings } from './settings/common.ts'
import { givenMode, modes } from './settings.ts'

/** The output of `--help`, for the mode on the command line or as an overview. */
export function help(args: readonly string[]): string {
  if (isMerge(args)) {
    const usage = 'Usage: nihao-client merge [setting ...] report ...\n\nmerge: merge the JSON reports of several loads into one.'
    return helpText(usage, { 'Settings of merge': mergeSettings })
  }
  const mode = givenMode(parseCommandLine(args))
  if (mode !== undefined) {
    const { name, summary, settings } = modes[mode]
    const own = Object.fromEntries(Object.entries(settings).filter(([setting]) => !(setting in commonSettings)))
    const sections = { [`Settings of ${name}`]: own, 'Settings of every mode': commonSettings }
    return helpText(`Usage: nihao-client ${name} [setting ...] [target ...]\n\n${name}: ${summary}.`, sections)
  }
  const overview = [
    'Usage: nihao-client [mode] [setting ...] [target ...]',
    '',
    'Modes (default: NIHAO_MODE, or probe):',
    '',
    ...Object.values(modes).map(({ name, summary }) => `  ${name.padEnd(5)}  ${summary}`),
    '',
    'Also: merge, which merges the JSON reports of several loads into one.',
    '',
    '`nihao-client MODE --help` lists the settings of a mode.',
  ]
  return helpText(overview.join('\n'), { 'Settings of every mode': commonSettings })
}
