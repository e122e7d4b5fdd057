import { helpText, parseCommandLine } from '@nihao/service'
import { commonSettings } from './settings/common.ts'
import { givenMode, modes } from './settings.ts'

/** The output of `--help`, for the mode on the command line or as an overview. */
export function help(args: readonly string[]): string {
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
    '`nihao-client MODE --help` lists the settings of a mode.',
  ]
  return helpText(overview.join('\n'), { 'Settings of every mode': commonSettings })
}
