import { z } from 'zod'
import { durationPattern } from './duration.js'

const duration = z
  .string()
  .regex(durationPattern, 'must be a duration: a whole number and ms, s, m, h or d, such as "5s"')
  .describe('A whole number and its unit: 250ms, 5s, 10m, 1h, 1d')
const name = z.string().min(1)
const columnValue = z.union([z.string(), z.number(), z.boolean(), z.null()])
const bindings = z.record(name, name).describe("Parameter -> the table's column alias, or the event's parameter")
const parameterType = z.enum(['int2', 'int4', 'int8', 'uuid', 'text', 'bool', 'date'])

export const debeziumTopicJson = z.strictObject({
  debezium: name.describe('The topic that a Debezium connector writes: shop.public.payments'),
  slot: name
    .optional()
    .describe("The connector's replication slot, in the database that values are loaded from: full strength"),
  types: z
    .record(name, parameterType)
    .optional()
    .describe('Alias -> type, for a table of another database, which cannot be asked: lease strength'),
  replicaIdentity: z
    .literal('full')
    .optional()
    .describe("With types: the other database's table has REPLICA IDENTITY FULL, so that old rows are whole"),
})

export const tableJson = z.strictObject({
  entity: name.describe('The word in topic and record names: member'),
  key: z.array(name).describe('Aliases of the primary key in order; [] for a table without a key'),
  columns: z.record(name, name).describe('Alias -> column name; only these are read and published'),
  events: z
    .record(name, z.strictObject({ column: name, becomes: columnValue }))
    .optional()
    .describe('Domain events: a column that becomes a value'),
  appendOnly: z.boolean().optional().describe('The table cannot publish updates and deletes, and needs none'),
  from: debeziumTopicJson.optional().describe("Its changes come from a topic, not from Freshet's own reader"),
})

export const emittedEventJson = z.strictObject({
  parameters: z.record(name, parameterType),
  topic: name
    .optional()
    .describe('Services also send it straight to this topic, without a transaction: lease strength'),
})

export const templateJson = z.strictObject({
  template: z.string().describe('member:{id}:balance'),
  ttl: duration,
  staleWhileRevalidate: duration.optional().describe('How long a fenced hot value may still be served, marked stale'),
  staleIfError: duration.optional().describe('How long an old value may be served while the source fails'),
  wildcards: z.array(z.string()).optional().describe('Wildcards that may be fenced by hand though no rule names them'),
  exact: z.boolean().optional().describe('Single keys may be fenced by hand though no rule does'),
  warm: z.boolean().optional().describe('Refilled by the warmer when fenced'),
})

export const targetJson = z.union([
  z.strictObject({ key: name, with: bindings }),
  z.strictObject({ wildcard: z.string(), with: bindings }),
  z.strictObject({ template: name }),
])

export const occasionJson = z.union([
  z.strictObject({
    table: name,
    operations: z
      .array(z.enum(['insert', 'update', 'delete']))
      .min(1)
      .optional(),
    changed: z.array(name).min(1).optional().describe('Aliases: updates that changed none of them do not count'),
    where: z.record(name, columnValue).optional().describe('Alias -> value that the old or the new row must have'),
  }),
  z.strictObject({ event: name }),
])

export const evictionJson = z.strictObject({ key: z.string().min(1), with: bindings })

export const ruleJson = z.strictObject({
  name: name.optional(),
  on: occasionJson,
  fences: z.array(targetJson),
  evict: z.array(evictionJson).optional().describe('Keys of another cache to delete, best effort'),
  whenOldUnknown: z.literal('all').optional().describe('Widen where the database cannot give an old column'),
})

export const derivationJson = z.strictObject({
  template: name.describe('Its values are computed from those of another'),
  from: name.describe('The other template'),
  with: z
    .record(name, name)
    .optional()
    .describe("Parameter -> the other's parameter that it is; all values of the template where none is"),
})

/** A catalog as data; `catalog.schema.json` is made of it. */
export const catalogJson = z
  .strictObject({
    $schema: z.string().optional(),
    format: z.literal(1),
    owner: name.describe('The service that declares it'),
    version: name,
    tables: z.record(name, tableJson).describe('By schema-qualified name: public.members'),
    events: z.record(name, emittedEventJson).optional().describe('Events that services emit inside a transaction'),
    templates: z.record(name, templateJson),
    rules: z.array(ruleJson),
    derivations: z.array(derivationJson).optional().describe('Templates that are computed from others'),
  })
  .describe('A Freshet catalog: tables, events, key templates and rules of one service')

export type CatalogJson = z.infer<typeof catalogJson>
export type TableJson = z.infer<typeof tableJson>
/** A topic in Debezium's envelope that a table's changes come from. */
export type DebeziumTopicJson = z.infer<typeof debeziumTopicJson>
export type EmittedEventJson = z.infer<typeof emittedEventJson>
export type TemplateJson = z.infer<typeof templateJson>
/** What a rule rests on: changes of a table, or an event. */
export type OccasionJson = z.infer<typeof occasionJson>
/** A key of another cache that a rule deletes. */
export type EvictionJson = z.infer<typeof evictionJson>
/** One template is computed from another. */
export type DerivationJson = z.infer<typeof derivationJson>
export type RuleJson = z.infer<typeof ruleJson>
/** What a rule fences: one key, a declared wildcard, or a whole template. */
export type TargetJson = z.infer<typeof targetJson>
