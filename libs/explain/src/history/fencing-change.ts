import type { Catalog } from '@freshet/catalog'
import {
  decodeOrSkip,
  typeOf,
  type AppliedBatch,
  type ChangeRecord,
  type ColumnValue,
  type DomainEventRecord,
  type Operation,
  type Row,
} from '@freshet/events'
import { createPlanner, type Cause, type Plan, type Planner } from '@freshet/planner'
import { seenCommit, type SeenCommit } from '../watch/seen-fence.js'
import type { PlacedTag } from './key-history.js'
import { readRange, type ReadBack } from './read-back.js'

/** The change, or the event of a service, that fenced a key. */
export interface FencingChange {
  readonly topic: string
  readonly partition: number
  readonly offset: string
  /** `payment.updated`, or the event's name. */
  readonly type: string
  readonly table?: string
  readonly operation?: Operation
  /** The row's primary key by column; null where it has none. Of an event that a service emitted, its parameters. */
  readonly row: Row | null
  readonly commit: SeenCommit & { /** Its place within the transaction. */ readonly index: number }
  /** The rules that made a fence of it, with what they rest on where that is an event. */
  readonly rules: readonly (Cause & { readonly event?: string })[]
}

export interface FoundChange {
  readonly tag: string
  readonly change: FencingChange
  readonly sentMs: number
}

/**
 * Which change of a batch fenced one of the tags, the last if several did: the batch is read again, and planned again by the
 * catalogs of now. Undefined where none of its records does: they are no longer kept, could not be read, or the catalogs
 * have changed since.
 */
export async function findFencingChange(
  back: ReadBack,
  catalogs: readonly Catalog[],
  batch: AppliedBatch,
  tags: readonly PlacedTag[],
): Promise<FoundChange | undefined> {
  const planner = createPlanner(catalogs)
  let found: FoundChange | undefined
  await readRange(back, batch, ({ value, topic, partition, offset, timestampMs }) => {
    const record = decodeOrSkip(value, topic)
    if (record.kind !== 'change' && record.kind !== 'event') return
    const fence = planOf(planner, record).fences.find(({ tag: { text, shard } }) =>
      tags.some((tag) => tag.tag === text && (shard === 'all' || shard === tag.shard)),
    )
    if (!fence) return
    const place = { topic, partition, offset: String(offset) }
    const rules = fence.because.map((cause) => withEvent(catalogs, cause))
    found = { tag: fence.tag.text, sentMs: timestampMs, change: { ...place, ...factsOf(record), rules } }
  })
  return found
}

const nothing: Plan = createPlanner([]).planEvent({ name: '', parameters: {} })

function planOf(planner: Planner, record: ChangeRecord | DomainEventRecord): Plan {
  if (record.kind === 'change') return planner.planChange(record)
  if (!record.emitted) return nothing // read off a row, whose change record fences
  return planner.planEvent({ name: record.name, parameters: given(record.values) })
}

/** Without nulls: a parameter that an event leaves empty is unknown to its rules, which then widen. */
const given = (values: Readonly<Record<string, ColumnValue>>): Record<string, NonNullable<ColumnValue>> =>
  Object.fromEntries(Object.entries(values).flatMap(([name, value]) => (value === null ? [] : [[name, value]])))

function factsOf(
  record: ChangeRecord | DomainEventRecord,
): Omit<FencingChange, 'topic' | 'partition' | 'offset' | 'rules'> {
  const { commit } = record
  const type = typeOf(record) ?? ''
  const at = { ...seenCommit(commit), index: commit.index }
  if (record.kind === 'event') return { type, row: record.values, commit: at }
  return { type, table: record.table, operation: record.operation, row: record.key, commit: at }
}

function withEvent(catalogs: readonly Catalog[], cause: Cause): Cause & { readonly event?: string } {
  const catalog = catalogs.find(({ owner, version }) => owner === cause.owner && version === cause.version)
  const on = catalog?.json.rules[cause.rule]?.on
  return { ...cause, ...(on && 'event' in on && { event: on.event }) }
}
