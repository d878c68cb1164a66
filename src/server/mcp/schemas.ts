import type { JSONSchema } from 'json-schema-to-ts'

type Schema = Readonly<Record<string, unknown>>
/** An object's schema, as MCP has them. */
export interface ObjectSchema extends Schema {
  readonly type: 'object'
  readonly required?: readonly string[]
  readonly properties: Readonly<Record<string, Schema>>
}

/** What MCP clients, and the models behind them, understand everywhere; everything else is checked here only. */
const told = ['description', 'enum', 'default', 'minItems', 'maxItems', 'maxLength']

/** A schema of REST as MCP clients are told it: plain, but with the limits. */
export function inputOf(schema: JSONSchema, description: string): Schema {
  const { type, enum: values, items } = schema as Schema
  const kept = Object.entries(schema).filter(([name]) => told.includes(name))
  return {
    // An argument that is null is taken for absent, which need not be told.
    type: values ? 'string' : [type].flat()[0],
    description,
    ...Object.fromEntries(kept),
    ...(items !== undefined && { items: withoutDescription(inputOf(items as JSONSchema, '')) }),
  }
}

function withoutDescription({ description: _, ...schema }: Schema): Schema {
  return schema
}

/**
 * The shape of an answer without its limits: clients refuse a whole answer that breaks one, and other programs may
 * have stored what no request may hold.
 */
export function shapeOf(schema: object): Schema {
  const { type = 'string', required, items } = schema as Schema
  const { properties } = schema as { properties?: Record<string, object> }
  return {
    type,
    ...(required !== undefined && { required }),
    ...(properties !== undefined && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, property]) => [name, shapeOf(property)]),
      ),
    }),
    ...(items !== undefined && { items: shapeOf(items as object) }),
  }
}
