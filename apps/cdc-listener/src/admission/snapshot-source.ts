import { publicationNames, takeTablesSnapshot, type Database, type TablesSnapshot } from '@freshet/postgres'
import type { WatchedTables } from '../watched-tables.js'

/** Asked by the stream before each watermark. */
export type SnapshotSource = () => Promise<TablesSnapshot>

/**
 * Takes what a watermark carries: snapshot, insert position read behind it, database time, identity, and the watched
 * tables' fingerprint under the same snapshot. Two of them are compared by `changedTables`: the tables it names have a
 * `tables-changed` gap, and admission looks at them again (`recheck`).
 */
export const snapshotSource =
  (database: Database, publication: string, watched: () => WatchedTables): SnapshotSource =>
  () =>
    takeTablesSnapshot(database, tablesHere(watched()), publicationNames(publication))

const tablesHere = ({ tables, foreign }: WatchedTables): string[] => [
  ...tables.keys(),
  ...foreign.filter(({ isHere }) => isHere).map(({ table }) => table),
]
