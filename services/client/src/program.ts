import manifest from '../package.json' with { type: 'json' }

/** The name and release of this program in its log, metrics and reports. */
export const program = { name: 'nihao-client', version: manifest.version } as const
