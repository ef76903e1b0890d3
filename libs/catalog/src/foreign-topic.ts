import type { Catalog } from './compiled.js'
import type { DebeziumTopicJson, EmittedEventJson, TableJson } from './json.js'

/** A table whose changes come from a topic in Debezium's envelope. */
export interface DebeziumSource {
  readonly kind: 'debezium'
  /** Schema-qualified. */
  readonly table: string
  readonly declared: TableJson
  readonly from: DebeziumTopicJson
}

/** An event that services send straight to a topic. */
export interface EventSource {
  readonly kind: 'event'
  readonly event: string
  readonly parameters: EmittedEventJson['parameters']
}

/** How strong the fences are that changes make: with their transaction, or without. */
export type Strength = 'full' | 'lease'

/** Each source has its own: what one catalog says of a topic takes nothing from what another has in force. */
export const strengthOf = (source: DebeziumSource | EventSource): Strength =>
  source.kind === 'debezium' && source.from.slot !== undefined ? 'full' : 'lease'

/** A topic that others write, with all that catalogs say of it. */
export interface ForeignTopic {
  readonly topic: string
  /** `full`: some source has it, and watermarks wait for the topic; `lease`: fences only rotate, and none does. */
  readonly strength: Strength
  readonly sources: readonly (DebeziumSource | EventSource)[]
}

/** The topics of others that these catalogs name, each once, sorted by name. */
export function foreignTopics(catalogs: Iterable<Pick<Catalog, 'json'>>): readonly ForeignTopic[] {
  const byTopic = new Map<string, ForeignTopic['sources'][number][]>()
  const add = (topic: string, source: ForeignTopic['sources'][number]): void => {
    byTopic.set(topic, [...(byTopic.get(topic) ?? []), source])
  }
  for (const { json } of catalogs) {
    for (const [table, declared] of Object.entries(json.tables)) {
      const { from } = declared
      if (from !== undefined) add(from.debezium, { kind: 'debezium', table, declared, from })
    }
    for (const [event, { topic, parameters }] of Object.entries(json.events ?? {}))
      if (topic !== undefined) add(topic, { kind: 'event', event, parameters })
  }
  return [...byTopic]
    .map(([topic, sources]) => ({ topic, strength: strongest(sources), sources }))
    .sort((one, other) => (one.topic < other.topic ? -1 : 1))
}

const strongest = (sources: ForeignTopic['sources']): Strength =>
  sources.some((source) => strengthOf(source) === 'full') ? 'full' : 'lease'
