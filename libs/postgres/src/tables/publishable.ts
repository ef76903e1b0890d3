import type { RelationKind, ReplicaIdentity, TableFacts } from './facts.js'

/**
 * What of a table can be published without making a write of its owner fail. Postgres refuses an UPDATE or DELETE of a
 * table whose publication has those actions and whose rows it cannot identify: the customer's own statement fails.
 */
export type Publishable =
  | { readonly publish: 'all' }
  | { readonly publish: 'inserts'; readonly because: InsertsOnlyReason }
  | { readonly publish: 'nothing'; readonly because: UnsupportedReason }

export type InsertsOnlyReason =
  | 'no-primary-key'
  | 'deferrable-primary-key'
  | 'identity-nothing'
  | 'identity-index-lost'
  /** Old rows would need columns that are not stored. */
  | 'full-with-virtual-columns'
  /** Leaves of the future would have none either, and their writes would fail. */
  | 'root-without-primary-key'

export type UnsupportedReason =
  | 'view'
  | 'materialized-view'
  | 'foreign-table'
  | 'unlogged'
  | 'temporary'
  | 'not-a-table'
  /** Its children's rows would come under names that no catalog declares. */
  | 'inheritance-children'
  | 'foreign-leaf'
  | 'unlogged-leaf'
  | 'system-table'

/** Judges one table by the facts seen on 15 to 18 (DESIGN 8). */
export function publishable(facts: TableFacts): Publishable {
  const unsupported = unsupportedReason(facts)
  if (unsupported !== undefined) return { publish: 'nothing', because: unsupported }
  const reason = insertsOnlyReason(facts)
  return reason === undefined ? { publish: 'all' } : { publish: 'inserts', because: reason }
}

function unsupportedReason(facts: TableFacts): UnsupportedReason | undefined {
  if (/^(pg_catalog|information_schema|pg_toast)\./.test(facts.name)) return 'system-table'
  const byKind = unsupportedKinds[facts.kind]
  if (byKind !== undefined) return byKind
  if (facts.persistence !== 'permanent') return facts.persistence
  if (facts.children.length > 0) return 'inheritance-children'
  if (facts.leaves.some((leaf) => leaf.kind !== 'table')) return 'foreign-leaf'
  return facts.leaves.some((leaf) => leaf.persistence !== 'permanent') ? 'unlogged-leaf' : undefined
}

const unsupportedKinds: Readonly<Record<RelationKind, UnsupportedReason | undefined>> = {
  table: undefined,
  'partitioned-table': undefined,
  view: 'view',
  'materialized-view': 'materialized-view',
  'foreign-table': 'foreign-table',
  other: 'not-a-table',
}

function insertsOnlyReason(facts: TableFacts): InsertsOnlyReason | undefined {
  const virtual = [...facts.columns.values()].some((column) => column.generated === 'virtual')
  if (facts.kind !== 'partitioned-table') return unidentified(facts, virtual)
  // A leaf that is created or attached later has the root's key or none: replica identities are not inherited.
  if (facts.primaryKey === undefined) return 'root-without-primary-key'
  if (facts.primaryKey.deferrable) return 'deferrable-primary-key'
  return facts.leaves.map((leaf) => unidentified(leaf, virtual)).find((reason) => reason !== undefined)
}

function unidentified(
  { identity, primaryKey }: Pick<TableFacts, 'identity' | 'primaryKey'>,
  hasVirtualColumns: boolean,
): InsertsOnlyReason | undefined {
  if (identity.setting === 'full') return hasVirtualColumns ? 'full-with-virtual-columns' : undefined
  if (identity.setting === 'nothing') return 'identity-nothing'
  if (identity.columns !== undefined) return undefined
  if (identity.setting === 'index') return 'identity-index-lost'
  return primaryKey?.deferrable === true ? 'deferrable-primary-key' : 'no-primary-key'
}

/**
 * The columns whose old value comes with every update and delete, or stays what the new row has: of a partitioned table
 * what all its leaves give, and so at most the root's primary key, since that is what a leaf of tomorrow has.
 * Virtual generated columns are never sent.
 */
export function oldColumnsOf(facts: TableFacts): ReadonlySet<string> {
  if (publishable(facts).publish !== 'all') return new Set()
  const sent = [...facts.columns.values()].filter((column) => column.generated !== 'virtual').map(({ name }) => name)
  const identities = facts.kind === 'partitioned-table' ? facts.leaves.map((leaf) => leaf.identity) : [facts.identity]
  const known = (column: string) => identities.every((identity) => has(identity, column))
  const ofLater = facts.kind === 'partitioned-table' && facts.leaves.length === 0
  return new Set(ofLater ? facts.primaryKey?.columns : sent.filter(known))
}

const has = ({ columns }: ReplicaIdentity, column: string): boolean =>
  columns === 'all' || columns?.includes(column) === true
