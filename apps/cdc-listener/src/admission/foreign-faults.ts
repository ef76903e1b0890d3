import { foreignTopics, type Catalog } from '@freshet/catalog'
import type { CatalogFault } from '@freshet/events'
import { placeIn } from './path.js'

/**
 * What a catalog that is to come into force lacks of what others have to bring: their topics, and the slots of their
 * connectors. Not asked of one that is in force: a connector that is taken away is a gap once it is back.
 */
export function foreignFaults(
  catalog: Catalog,
  slots: ReadonlySet<string>,
  topics: ReadonlySet<string>,
): readonly CatalogFault[] {
  const faults: CatalogFault[] = []
  for (const { topic, sources } of foreignTopics([catalog])) {
    for (const source of sources) {
      const path = source.kind === 'event' ? ['events', source.event] : ['tables', source.table, 'from']
      if (!topics.has(topic))
        faults.push({
          code: 'topic-missing',
          path: placeIn(...path, source.kind === 'event' ? 'topic' : 'debezium'),
          message: `there is no topic ${topic}`,
          fix: 'start what writes it, or create it; then register the catalog again',
        })
      if (source.kind === 'debezium' && source.from.slot !== undefined && !slots.has(source.from.slot))
        faults.push({
          code: 'slot-missing',
          path: placeIn(...path, 'slot'),
          message: `this database has no logical replication slot "${source.from.slot}"`,
          fix: "start the connector, whose slot.name it is, and register the catalog again; or say types instead, if the table is another database's",
        })
    }
  }
  return faults
}
