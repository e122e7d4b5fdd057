import type { Format } from './formats.ts'
import { type AnySettings, environmentName, flagName, optionName, type Setting } from './settings.ts'

/**
 * The output of `--help`. Formats are explained once, at the end.
 * @param sections settings by section title
 */
export function helpText(usage: string, sections: Readonly<Record<string, AnySettings>>): string {
  const all = Object.values(sections).flatMap(settings => Object.values(settings))
  const formats = new Map(all.map(({ format }) => [format.name, format.valid.replace(/, or empty$/, '')]))
  formats.delete(undefined)
  return [
    usage,
    '',
    'Settings are flags, environment variables and, where shown, options of endpoint URLs.',
    '',
    ...Object.entries(sections).flatMap(([title, settings]) => [
      `${title}:`,
      '',
      ...Object.entries(settings).flatMap(settingLines),
      '',
    ]),
    'Also:',
    '',
    '  -h, --help, help',
    '  -V, --version, version',
    '',
    'Formats:',
    '',
    ...[...formats].map(([name, valid]) => `  ${name}: ${valid}`),
    '',
  ].join('\n')
}

function settingLines([name, setting]: [string, Setting<unknown>]): string[] {
  const { doc, format, default: value, perEndpoint, repeatable } = setting
  const names = [
    ...(perEndpoint === 'only' ? [] : [flagName(name), environmentName(name)]),
    ...(perEndpoint ? [`?${optionName(name)}=`] : []),
  ]
  const details = [formatName(format), `default: ${value === '' ? 'empty' : value}`, ...(repeatable ? ['may be repeated'] : [])]
  return [`  ${names.join('  ')}`, `      ${doc}`, `      ${details.join('; ')}`]
}

/** The name of a format or, without one, its valid values. */
export const formatName = ({ name, valid }: Format<unknown>): string => name ?? valid
