import { quoteIdentifier, quoteTable, type TableFacts } from '@freshet/postgres'

/** How a table's owner makes its updates and deletes tell the old values of some columns. */
export type Mend =
  | { readonly statements: readonly string[] }
  /** There is no statement for it, and this is why. */
  | { readonly hindered: string }

/**
 * The gentlest change after which the old values of `needed` come with updates and deletes: the primary key if it is
 * enough; a unique index, whose old rows are small, if all columns are NOT NULL and short; else the whole old row.
 *
 * An unbounded text is not put into an index: a value above 2,704 bytes would make the customer's INSERT fail.
 */
export function mendIdentity(facts: TableFacts, needed: readonly string[]): Mend {
  if (facts.restrictedBy.length > 0) {
    const publications = facts.restrictedBy.map((name) => `"${name}"`).join(', ')
    return {
      hindered: `under the column list or row filter of publication ${publications} another replica identity could make updates fail`,
    }
  }
  const virtual = needed.find((column) => facts.columns.get(column)?.generated === 'virtual')
  if (virtual !== undefined)
    return { hindered: `"${virtual}" is a virtual generated column, which Postgres does not store` }
  return facts.kind === 'partitioned-table' ? mendLeaves(facts, needed) : mendTable(facts, needed)
}

function mendTable(facts: TableFacts, needed: readonly string[]): Mend {
  const table = quoteTable(facts.name)
  const identity = (clause: string): string => `alter table ${table} replica identity ${clause}`
  const key = facts.primaryKey?.deferrable === false ? facts.primaryKey.columns : undefined
  if (key && isWithin(needed, key)) return { statements: [identity('default')] }
  const index = facts.uniqueIndexes.find((unique) => isWithin(needed, unique.columns))
  if (index) return { statements: [identity(`using index ${quoteIdentifier(index.name)}`)] }
  const columns = [...new Set([...(key ?? []), ...needed])]
  if (key && columns.every((column) => isShort(facts, column))) {
    const name = quoteIdentifier(
      `${facts.name.slice(facts.name.indexOf('.') + 1)}_${columns.join('_')}_identity`.slice(0, 63),
    )
    return {
      statements: [
        `create unique index concurrently ${name} on ${table} (${columns.map(quoteIdentifier).join(', ')})`,
        identity(`using index ${name}`),
      ],
    }
  }
  return hasVirtual(facts)
    ? {
        hindered:
          'the table has virtual generated columns, with which REPLICA IDENTITY FULL makes every update fail once it is published',
      }
    : { statements: [identity('full')] }
}

/** Replica identities are each leaf's own. A leaf that comes later has the root's primary key. */
function mendLeaves(facts: TableFacts, needed: readonly string[]): Mend {
  const { primaryKey, leaves } = facts
  if (primaryKey === undefined) {
    const columns = needed.map(quoteIdentifier).join(', ')
    return needed.length === 0
      ? { hindered: 'a partitioned table needs a primary key, or the writes to its next partition would fail' }
      : { statements: [`alter table ${quoteTable(facts.name)} add primary key (${columns})`] }
  }
  if (primaryKey.deferrable)
    return { hindered: 'its primary key is deferrable, which the next partition would have too' }
  const clause = isWithin(needed, primaryKey.columns) ? 'default' : 'full'
  if (clause === 'full' && hasVirtual(facts)) return { hindered: 'a partition has virtual generated columns' }
  const lacking = leaves.filter(
    ({ identity }) => identity.columns !== 'all' && !isWithin(needed, identity.columns ?? []),
  )
  const mended = clause === 'default' && lacking.length === 0 ? leaves : lacking
  return { statements: mended.map((leaf) => `alter table ${quoteTable(leaf.name)} replica identity ${clause}`) }
}

const isWithin = (needed: readonly string[], columns: readonly string[]): boolean =>
  needed.every((column) => columns.includes(column))

const isShort = (facts: TableFacts, name: string): boolean => {
  const column = facts.columns.get(name)
  return column !== undefined && column.notNull && !column.unbounded && column.generated === undefined
}

const hasVirtual = (facts: TableFacts): boolean =>
  [...facts.columns.values()].some((column) => column.generated === 'virtual')

/** Statements as people paste them: one a line, since CREATE INDEX CONCURRENTLY must run alone. */
export const script = (statements: readonly string[]): string =>
  statements.map((statement) => `${statement};`).join('\n')
