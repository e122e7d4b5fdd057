import manifest from '../package.json' with { type: 'json' }

/** The identity of this program in logs, metrics and reports. */
export const program = { name: 'nihao-client', version: manifest.version } as const
