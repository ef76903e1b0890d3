import type { TableJson } from '../json.js'
import type { Context, Path } from './context.js'
import { suggest } from './suggestion.js'

const entityPattern = /^[a-z][a-z0-9_-]*$/i
const eventPattern = /^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)+$/i
const changeTypes = ['inserted', 'updated', 'deleted', 'truncated']

/** Tables, their columns and mapped events, and the events that services emit. */
export function checkTables(context: Context): void {
  const { parts, fault } = context
  const mapped = new Map<string, string>()
  for (const [name, table] of parts.tables.wellFormed) {
    checkTable(context, name, table)
    for (const event of Object.keys(table.events ?? {})) {
      const other = mapped.get(event)
      if (other !== undefined)
        fault('declared-twice', ['tables', name, 'events', event], `event "${event}" is declared by "${other}" too`)
      mapped.set(event, name)
    }
  }
  for (const name of parts.events.names) {
    const path = ['events', name]
    checkEventName(context, name, path)
    const table = mapped.get(name)
    if (table !== undefined) fault('declared-twice', path, `event "${name}" is already made from changes of "${table}"`)
  }
}

function checkTable(context: Context, name: string, table: TableJson): void {
  const { fault } = context
  const path = ['tables', name]
  const aliases = Object.keys(table.columns)
  if (!/^[^.]+\.[^.]+$/.test(name))
    fault('table-not-qualified', path, `table "${name}" needs its schema and one dot`, {
      fix: name.includes('.') ? 'write it as schema.table' : `did you mean "public.${name}"?`,
    })
  if (!entityPattern.test(table.entity) || table.entity.toLowerCase() === 'freshet')
    fault('name-malformed', [...path, 'entity'], `entity "${table.entity}" cannot be part of a topic's name`, {
      fix: 'begin with a letter, then letters, digits, "_" and "-"; "freshet" is reserved',
    })
  table.key.forEach((alias, index) => {
    checkAlias(context, aliases, alias, [...path, 'key', index])
    if (table.key.indexOf(alias) !== index)
      fault('declared-twice', [...path, 'key', index], `"${alias}" is in the key twice`)
  })
  for (const [event, { column }] of Object.entries(table.events ?? {})) {
    const at = [...path, 'events', event]
    checkEventName(context, event, at)
    if (!event.startsWith(`${table.entity}.`))
      fault(
        'event-entity-mismatch',
        at,
        `event "${event}" goes to the topic of "${table.entity}" and must be named so`,
        {
          fix: `did you mean "${table.entity}.${event.slice(event.indexOf('.') + 1)}"?`,
        },
      )
    checkAlias(context, aliases, column, [...at, 'column'])
  }
}

function checkEventName({ fault }: Context, name: string, path: Path): void {
  const fix = { fix: 'write <entity>.<what happened>, such as "payment.completed"' }
  if (!eventPattern.test(name)) fault('name-malformed', path, `"${name}" is no event's name`, fix)
  else if (/^freshet\./i.test(name)) fault('name-malformed', path, 'names that begin with "freshet." are reserved', fix)
  else if (changeTypes.includes(name.slice(name.indexOf('.') + 1)))
    fault('name-malformed', path, `"${name}" is the type of change records`, fix)
}

/** Is it one of the aliases? */
export function checkAlias({ fault }: Context, aliases: readonly string[], alias: string, path: Path): void {
  if (!aliases.includes(alias))
    fault('column-undeclared', path, `there is no column or parameter "${alias}"`, suggest(alias, aliases))
}
