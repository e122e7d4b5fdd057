import manifest from '../package.json' with { type: 'json' }

/** What this program calls itself, in its log, its metrics and its reports. */
export const program = { name: 'nihao-client', version: manifest.version } as const
