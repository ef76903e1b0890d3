import { quoteIdentifier, quoteLiteral, quoteTable } from './quote.js'

/** A publication as it is in the database. */
export interface PublicationState {
  readonly name: string
  /** Its comment: by it Freshet knows its own. */
  readonly comment: string | undefined
  readonly owner: string
  /** May the connected role alter it? */
  readonly owned: boolean
  readonly allTables: boolean
  /** Has it whole schemas? */
  readonly schemas: boolean
  /** As in `publish`, in Postgres' order: `insert, update, delete, truncate`. */
  readonly actions: string
  readonly viaRoot: boolean
  /** Of stored generated columns; undefined before Postgres 18. */
  readonly generated: 'none' | 'stored' | undefined
  readonly tables: readonly PublishedTable[]
}

export interface PublishedTable {
  readonly name: string
  /** Has it a column list or row filter? Freshet's have none. */
  readonly restricted: boolean
}

/** What Freshet's two publications shall be. */
export interface PublicationWish {
  /** Its first publication; the one for tables whose updates and deletes cannot be published is `<name>_append`. */
  readonly name: string
  /** The comment that marks both as Freshet's, with the namespace: another's must not be touched. */
  readonly mark: string
  /** Major version of the server. */
  readonly version: number
  /** What to publish of each table. */
  readonly tables: ReadonlyMap<string, 'all' | 'inserts'>
}

export type PublicationFault =
  | {
      readonly code: 'publication-not-ours'
      readonly publication: string
      readonly comment: string | undefined
      /** Has it all tables or whole schemas? */
      readonly widened: boolean
    }
  | { readonly code: 'publication-not-owned'; readonly publication: string; readonly owner: string }

export interface PublicationPlan {
  /** To be run in one transaction, so that a table that moves is never in none of the two. Empty: all is as it shall be. */
  readonly statements: readonly string[]
  /** Tables of the wish of which something is not published as it shall be, sorted. */
  readonly gained: readonly string[]
  readonly faults: readonly PublicationFault[]
}

/** The mark of a namespace's publications: two namespaces on one database must not take tables out of each other's. */
export const publicationMark = (namespace: string): string => `Managed by Freshet, namespace ${namespace}`

export const appendPublication = (name: string): string => `${name}_append`

/** The names of both, for START_REPLICATION and for the fingerprint. */
export const publicationNames = (name: string): readonly [string, string] => [name, appendPublication(name)]

const actionsOf = { all: 'insert, update, delete, truncate', inserts: 'insert, truncate' } as const

/**
 * What to do so that both publications are as wished; only they are ever touched.
 *
 * None has a column list, although one would spare bytes: with it, the customer's next `REPLICA IDENTITY FULL` (or USING
 * INDEX with another column, the very statement by which Freshet mends a refused catalog) makes every UPDATE fail, and
 * DROP COLUMN is refused.
 */
export function planPublications(wish: PublicationWish, existing: readonly PublicationState[]): PublicationPlan {
  const parts = partsOf(wish.name).map(({ name, publish }) => {
    const tables = [...wish.tables].filter(([, wanted]) => wanted === publish).map(([table]) => table)
    const state = existing.find((publication) => publication.name === name)
    return planOne(name, publish, tables.sort(), wish, state)
  })
  return {
    // What is taken out goes first: a table in both would be sent with both's actions.
    statements: [...parts.flatMap(({ removals }) => removals), ...parts.flatMap(({ additions }) => additions)],
    gained: parts.flatMap(({ gained }) => gained).sort(),
    faults: parts.flatMap(({ faults }) => faults),
  }
}

/** Statements that create, empty, what is missing of the two, and leave alone what is there. */
export const createMissingPublications = (
  wish: Omit<PublicationWish, 'tables'>,
  existing: readonly PublicationState[],
): readonly string[] =>
  partsOf(wish.name)
    .filter(({ name }) => !existing.some((state) => state.name === name))
    .flatMap(({ name, publish }) => creation(name, publish, [], wish))

const partsOf = (name: string) =>
  [
    { name, publish: 'all' },
    { name: appendPublication(name), publish: 'inserts' },
  ] as const

const creation = (
  name: string,
  publish: 'all' | 'inserts',
  tables: readonly string[],
  { version, mark }: Omit<PublicationWish, 'tables'>,
): readonly string[] => [
  `create publication ${quoteIdentifier(name)}${tables.length > 0 ? ` for table ${onlyTables(tables)}` : ''} with (${settings(publish, version).join(', ')})`,
  `comment on publication ${quoteIdentifier(name)} is ${quoteLiteral(mark)}`,
]

interface Part {
  readonly removals: readonly string[]
  readonly additions: readonly string[]
  readonly gained: readonly string[]
  readonly faults: readonly PublicationFault[]
}

function planOne(
  name: string,
  publish: 'all' | 'inserts',
  tables: readonly string[],
  wish: PublicationWish,
  state: PublicationState | undefined,
): Part {
  if (state === undefined)
    return { removals: [], additions: creation(name, publish, tables, wish), gained: tables, faults: [] }
  const publication = quoteIdentifier(name)
  const widened = state.allTables || state.schemas
  if (state.comment !== wish.mark || widened) {
    const fault = { code: 'publication-not-ours', publication: name, comment: state.comment, widened } as const
    return { removals: [], additions: [], gained: tables, faults: [fault] }
  }
  const unchanged = new Set(state.tables.filter((table) => !table.restricted).map((table) => table.name))
  const dropped = state.tables
    .filter((table) => table.restricted || !tables.includes(table.name))
    .map((table) => table.name)
  const added = tables.filter((table) => !unchanged.has(table))
  const mended = settingsToMend(publish, wish.version, state)
  const removals =
    dropped.length > 0
      ? [`alter publication ${publication} drop table only ${dropped.map(quoteTable).join(', only ')}`]
      : []
  const additions = [
    ...(mended.length > 0 ? [`alter publication ${publication} set (${mended.join(', ')})`] : []),
    ...(added.length > 0 ? [`alter publication ${publication} add table ${onlyTables(added)}`] : []),
  ]
  const faulty = removals.length + additions.length > 0 && !state.owned
  return {
    removals,
    additions,
    gained: mended.length > 0 ? tables : added,
    faults: faulty ? [{ code: 'publication-not-owned', publication: name, owner: state.owner }] : [],
  }
}

/** Without ONLY a table's inheritance children would come along, and with them the writes that could fail. */
const onlyTables = (tables: readonly string[]): string => tables.map((table) => `only ${quoteTable(table)}`).join(', ')

/** Stored generated columns belong to what REPLICA IDENTITY FULL has to send: unpublished, every UPDATE would fail. */
const generatedSince = 18

const settings = (publish: 'all' | 'inserts', version: number): string[] => [
  `publish = '${actionsOf[publish]}'`,
  'publish_via_partition_root = true',
  ...(version >= generatedSince ? ['publish_generated_columns = stored'] : []),
]

function settingsToMend(publish: 'all' | 'inserts', version: number, state: PublicationState): string[] {
  const right =
    state.actions === actionsOf[publish] && state.viaRoot && (version < generatedSince || state.generated === 'stored')
  return right ? [] : settings(publish, version)
}
