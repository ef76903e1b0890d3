import type { TableJson } from '../json.js'
import type { Context, Path } from './context.js'
import { checkAlias } from './tables.js'

const topicPattern = /^[a-zA-Z0-9._-]{1,249}$/

/** Topics that others write: Debezium's for tables, and those that services send events to. */
export function checkForeign(context: Context): void {
  const { parts, fault } = context
  const tableOf = new Map<string, string>()
  for (const [name, table] of parts.tables.wellFormed) {
    if (table.from === undefined) continue
    const path = ['tables', name, 'from']
    checkTopic(context, table.from.debezium, [...path, 'debezium'])
    checkStrength(context, table, path)
    if (table.events !== undefined)
      fault(
        'event-of-foreign-table',
        ['tables', name, 'events'],
        `no events are made of a table that comes from a topic`,
        {
          fix: 'leave them out: rules may rest on its changes, by where and changed',
        },
      )
    const other = tableOf.get(table.from.debezium)
    if (other !== undefined)
      fault('declared-twice', [...path, 'debezium'], `topic "${table.from.debezium}" is that of "${other}" too`, {
        fix: 'give each table a topic of its own',
      })
    tableOf.set(table.from.debezium, name)
  }
  for (const [name, { topic }] of parts.events.wellFormed) {
    if (topic === undefined) continue
    const path = ['events', name, 'topic']
    checkTopic(context, topic, path)
    const table = tableOf.get(topic)
    if (table !== undefined)
      fault('declared-twice', path, `topic "${topic}" carries the changes of "${table}"`, {
        fix: 'send events to another topic',
      })
  }
  checkTypesOfRules(context)
}

function checkTopic({ fault }: Context, topic: string, path: Path): void {
  if (!topicPattern.test(topic))
    fault('name-malformed', path, `"${topic}" is no topic's name`, {
      fix: 'letters, digits, ".", "_" and "-", at most 249',
    })
}

function checkStrength(context: Context, { from, columns }: TableJson, path: Path): void {
  if (from === undefined) return
  const { slot, types, replicaIdentity } = from
  if ((slot === undefined) === (types === undefined))
    context.fault(
      'topic-strength',
      path,
      slot === undefined ? 'neither slot nor types is said' : 'slot and types exclude each other',
      {
        fix: "name the connector's replication slot if values are loaded from the same database, else the types of the columns that rules use",
      },
    )
  if (slot !== undefined && replicaIdentity !== undefined)
    context.fault(
      'topic-strength',
      [...path, 'replicaIdentity'],
      'the database itself is asked for the replica identity',
      {
        fix: 'leave it out',
      },
    )
  for (const alias of Object.keys(types ?? {}))
    checkAlias(context, Object.keys(columns), alias, [...path, 'types', alias])
}

/** What rules bind and compare has to have a type, where no database can be asked. */
function checkTypesOfRules({ parts, fault }: Context): void {
  for (const [index, { on, fences }] of parts.rules.entries()) {
    if (on === undefined || !('table' in on)) continue
    const table = parts.tables.wellFormed.get(on.table)
    const types = table?.from?.types
    if (table === undefined || types === undefined) continue
    const check = (alias: string, path: Path): void => {
      if (Object.hasOwn(table.columns, alias) && !Object.hasOwn(types, alias))
        fault('column-type-missing', path, `the type of "${alias}" is not said, and no database can be asked`, {
          fix: `add it to types of "${on.table}"`,
        })
    }
    for (const alias of Object.keys(on.where ?? {})) check(alias, ['rules', index, 'on', 'where', alias])
    for (const [position, target] of fences.wellFormed)
      for (const [parameter, alias] of 'with' in target ? Object.entries(target.with) : [])
        check(alias, ['rules', index, 'fences', position, 'with', parameter])
  }
}
