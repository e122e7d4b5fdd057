import { Ajv2020 } from 'ajv/dist/2020.js'

/** The errors of a value under a schema (JSON Schema 2020-12), empty when it is valid. Fields that the schema does not list are errors too. */
export function schemaErrors(schema: object, value: unknown): string[] {
  const ajv = new Ajv2020({
    allErrors: true,
    allowUnionTypes: true,
    formats: { 'date-time': text => !Number.isNaN(Date.parse(text)) },
  })
  const validate = ajv.compile(closed(schema))
  validate(value)
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  )
}

/**
 * The same schema, but without additional fields: the schema allows them for later releases, but reports of this release must not have
 * undocumented fields.
 */
function closed(schema: object): object {
  return JSON.parse(JSON.stringify(schema), (_, value) =>
    typeof value?.properties === 'object' && value.required !== undefined ? { additionalProperties: false, ...value } : value,
  )
}
