import {
  describeTables,
  readSlot,
  takeSnapshot,
  type Database,
  type PrimarySnapshot,
  type SlotFacts,
  type TableFacts,
} from '@freshet/postgres'

/** What the database says of the tables and connectors behind the topics of others. */
export interface ForeignDatabase {
  describe(tables: readonly string[]): Promise<readonly TableFacts[]>
  snapshot(): Promise<PrimarySnapshot>
  slot(name: string): Promise<SlotFacts | undefined>
}

export const foreignDatabase = (database: Database): ForeignDatabase => ({
  describe: (tables) => describeTables(database, tables),
  snapshot: () => takeSnapshot(database),
  slot: (name) => readSlot(database, name),
})
