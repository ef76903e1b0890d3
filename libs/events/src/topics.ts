/** Names of Freshet's topics under one prefix. */
export interface Topics {
  readonly changes: (entity: string) => string
  readonly events: (entity: string) => string
  readonly catalogs: string
  readonly catalogStatus: string
  readonly invalidations: string
  readonly warmRequests: string
  readonly accessStats: string
  readonly deadLetters: string
}

/** A topic as it is to be created. */
export interface TopicSpec {
  readonly topic: string
  readonly partitions: number
  /** Kafka's own names: `retention.ms`, `cleanup.policy`, ... */
  readonly config: Readonly<Record<string, string>>
}

/** The topics of section 6 under a prefix (`''` by default): `<prefix>member.changes.v1`, `<prefix>catalogs.v1`, ... */
export function topics(prefix = ''): Topics {
  return {
    changes: (entity) => `${prefix}${entity}.changes.v1`,
    events: (entity) => `${prefix}${entity}.events.v1`,
    catalogs: `${prefix}catalogs.v1`,
    catalogStatus: `${prefix}catalog-status.v1`,
    invalidations: `${prefix}invalidations.v1`,
    warmRequests: `${prefix}warm-requests.v1`,
    accessStats: `${prefix}access-stats.v1`,
    deadLetters: `${prefix}dead-letters.v1`,
  }
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs

const kept = (retentionMs: number): Record<string, string> => ({
  'cleanup.policy': 'delete',
  'retention.ms': String(retentionMs),
})
const compacted = { 'cleanup.policy': 'compact' }

/** Old and new image of a wide row can pass Kafka's default of 1 MiB, and a record that the broker refuses would stop the listener. */
const wide = { 'max.message.bytes': String(8 * 1024 * 1024) }
/** A dead letter is its original in base64, a third longer; a key made of long text is longer by its escapes. */
const wider = { 'max.message.bytes': String(12 * 1024 * 1024) }

/** What the topics of these entities need at the broker (section 6): partitions, retention, clean-up. */
export function topicSpecs(
  prefix: string,
  entities: readonly string[],
  options: { readonly partitions: number },
): TopicSpec[] {
  const { partitions } = options
  const name = topics(prefix)
  return [
    ...entities.flatMap((entity) => [
      { topic: name.changes(entity), partitions, config: { ...kept(7 * dayMs), ...wide } },
      { topic: name.events(entity), partitions, config: { ...kept(7 * dayMs), ...wide } },
    ]),
    { topic: name.catalogs, partitions: 1, config: { ...compacted, ...wide } },
    { topic: name.catalogStatus, partitions: 1, config: { ...compacted, ...wide } },
    { topic: name.invalidations, partitions, config: { ...kept(hourMs), ...wider } },
    { topic: name.warmRequests, partitions, config: { ...kept(dayMs), ...wider } },
    { topic: name.accessStats, partitions: 1, config: kept(2 * hourMs) },
    { topic: name.deadLetters, partitions: 1, config: { ...kept(14 * dayMs), ...wider } },
  ]
}
