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

/** A topic that others write, with all that catalogs say of it. */
export interface ForeignTopic {
  readonly topic: string
  /** `full`: each change names its transaction; `lease`: a fence only rotates, and no watermark waits for the topic. */
  readonly strength: 'full' | 'lease'
  readonly sources: readonly (DebeziumSource | EventSource)[]
}

/** The topics of others that these catalogs name, each once, sorted by name. A topic is as strong as its weakest source. */
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
    .map(([topic, sources]) => ({ topic, strength: strengthOf(sources), sources }))
    .sort((one, other) => (one.topic < other.topic ? -1 : 1))
}

const strengthOf = (sources: ForeignTopic['sources']): ForeignTopic['strength'] =>
  sources.every((source) => source.kind === 'debezium' && source.from.slot !== undefined) ? 'full' : 'lease'
