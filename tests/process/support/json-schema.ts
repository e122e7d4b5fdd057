import { isDeepStrictEqual } from 'node:util'

/** The keywords of JSON Schema that this project's schemas use. Any other one is an error, not ignored. */
interface Schema {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly items?: Schema
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema
  readonly anyOf?: readonly Schema[]
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Schema>>
}

const notes = ['$schema', '$defs', 'title', 'description', 'format']
const keywords = ['type', 'const', 'enum', 'minimum', 'maximum', 'minItems', 'items', 'required', 'properties']
const known = [...notes, ...keywords, 'additionalProperties', 'anyOf', '$ref']

/** What is wrong with a value, place by place; empty when it is valid. Fields that the schema does not name are told, too. */
export function schemaMistakes(root: Schema, value: unknown): string[] {
  return check(root, value, '$')

  function check(schema: Schema, value: unknown, place: string): string[] {
    const unknown = Object.keys(schema).filter(keyword => !known.includes(keyword))
    if (unknown.length > 0) throw new Error(`${place}: keywords that are not known here: ${unknown}`)
    const mistakes: string[] = []
    const wrong = (what: string) => mistakes.push(`${place}: ${what}: ${JSON.stringify(value)}`)

    if (schema.$ref !== undefined) {
      const referred = root.$defs?.[schema.$ref.replace('#/$defs/', '')]
      if (referred === undefined) throw new Error(`${place}: nothing is called ${schema.$ref}`)
      mistakes.push(...check(referred, value, place))
    }
    if (schema.type !== undefined && ![schema.type].flat().some(type => isOfType(value, type))) wrong(`is no ${schema.type}`)
    if (schema.const !== undefined && !isDeepStrictEqual(value, schema.const)) wrong(`is not ${schema.const}`)
    if (schema.enum !== undefined && !schema.enum.includes(value)) wrong(`is none of ${schema.enum}`)
    if (schema.anyOf?.every(option => check(option, value, place).length > 0)) wrong('is none of what it may be')
    if (typeof value === 'number') {
      if (value < (schema.minimum ?? value) || value > (schema.maximum ?? value)) wrong('is out of range')
    } else if (Array.isArray(value)) {
      if (value.length < (schema.minItems ?? 0)) wrong('is too short')
      if (schema.items)
        for (const [index, item] of value.entries()) mistakes.push(...check(schema.items, item, `${place}[${index}]`))
    } else if (typeof value === 'object' && value !== null) {
      for (const name of schema.required ?? []) if (!(name in value)) wrong(`lacks ${name}`)
      for (const [name, field] of Object.entries(value)) {
        const inner = schema.properties?.[name] ?? schema.additionalProperties
        if (inner !== undefined) mistakes.push(...check(inner, field, `${place}.${name}`))
        else if (schema.properties !== undefined) mistakes.push(`${place}.${name}: the schema does not name it`)
      }
    }
    return mistakes
  }
}

function isOfType(value: unknown, type: string): boolean {
  if (type === 'null') return value === null
  if (type === 'array') return Array.isArray(value)
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value)
  if (type === 'integer') return Number.isInteger(value)
  return typeof value === type
}
