import { describe, expect, test } from '@jest/globals'
import { type AnySettings, knownVariables, variablesOf } from '@nihao/service'
import { modes } from '../../services/client/src/settings.ts'
import { settings } from '../../services/server/src/settings.ts'

const server: AnySettings = settings
const client: AnySettings = Object.assign({}, ...Object.values(modes).map(({ settings }) => settings))
const tables: [string, AnySettings][] = [
  ['server', server],
  ...Object.values(modes).map(mode => [mode.name, mode.settings] as [string, AnySettings]),
]

test('the known variables are those of both programs', () => {
  const variables = tables.flatMap(([, table]) => variablesOf(table))
  expect([...knownVariables].sort()).toEqual([...new Set(variables)].sort())
})

describe('a setting of both programs', () => {
  const shared = Object.keys(server).filter(name => name in client)

  test.each(shared)('%s has one syntax', name => {
    expect(client[name]?.format.valid).toBe(server[name]?.format.valid)
    expect(client[name]?.perEndpoint).toBe(server[name]?.perEndpoint)
  })

  test('is shared by name: greeting, banner, keep-alive and the admin endpoint among them', () => {
    for (const name of ['greeting', 'banner', 'keepAlive', 'adminHost', 'adminPort', 'logLevel']) expect(shared).toContain(name)
  })
})

describe.each(tables)('the table of %s', (_, table) => {
  test.each(Object.entries(table))(
    '%s has a valid default and a sentence of documentation',
    (_, { format, default: text, doc }) => {
      expect(format.parse(text)).not.toBeUndefined()
      expect(doc).toMatch(/^\S.*[^ ]\.$/)
    },
  )

  test('a format name stands for one syntax', () => {
    for (const { format } of Object.values(table)) {
      const same = Object.values(table).filter(other => other.format.name === format.name && format.name !== undefined)
      for (const other of same)
        expect(other.format.valid.replace(/, or empty$/, '')).toBe(format.valid.replace(/, or empty$/, ''))
    }
  })
})
