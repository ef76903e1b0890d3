import { placeholdersOf } from '../eviction.js'
import type { OccasionJson } from '../json.js'
import type { Context, Path } from './context.js'
import type { RuleParts } from './shape.js'
import { suggest } from './suggestion.js'
import { checkAlias } from './tables.js'
import { checkBindings, checkTarget } from './targets.js'

/** What rules rest on, what they fence and evict, and how they bind it. */
export function checkRules(context: Context): void {
  context.parts.rules.forEach((rule, index) => {
    checkRule(context, rule, ['rules', index])
  })
}

function checkRule(context: Context, { on, fences, evict }: RuleParts, path: Path): void {
  const aliases = on && checkOccasion(context, on, [...path, 'on'])
  for (const [index, target] of fences.wellFormed) checkTarget(context, target, [...path, 'fences', index], aliases)
  for (const [index, { key, with: bindings }] of evict.wellFormed)
    checkBindings(
      context,
      { text: key, parameters: placeholdersOf(key) },
      bindings,
      [...path, 'evict', index, 'with'],
      aliases,
    )
  if (fences.length + evict.length === 0)
    context.fault('rule-without-effect', path, 'the rule fences nothing and evicts nothing')
}

/** The names that targets may bind; undefined where the occasion itself is at fault. */
function checkOccasion(context: Context, on: OccasionJson, path: Path): readonly string[] | undefined {
  const { parts, fault } = context
  if ('event' in on) return checkEvent(context, on.event, [...path, 'event'])
  if (!parts.tables.names.includes(on.table)) {
    fault(
      'table-undeclared',
      [...path, 'table'],
      `table "${on.table}" is not declared`,
      suggest(on.table, parts.tables.names),
    )
    return undefined
  }
  const table = parts.tables.wellFormed.get(on.table)
  if (table === undefined) return undefined
  const aliases = Object.keys(table.columns)
  on.changed?.forEach((alias, index) => {
    checkAlias(context, aliases, alias, [...path, 'changed', index])
  })
  for (const alias of Object.keys(on.where ?? {})) checkAlias(context, aliases, alias, [...path, 'where', alias])
  return aliases
}

function checkEvent({ parts, fault }: Context, event: string, path: Path): readonly string[] | undefined {
  const emitted = parts.events.wellFormed.get(event)
  if (emitted !== undefined) return Object.keys(emitted.parameters)
  if (parts.events.names.includes(event)) return undefined
  const tables = [...parts.tables.wellFormed.values()]
  const table = tables.find(({ events }) => events !== undefined && Object.hasOwn(events, event))
  if (table !== undefined) return Object.keys(table.columns)
  const known = [...parts.events.names, ...tables.flatMap(({ events }) => Object.keys(events ?? {}))]
  fault('event-undeclared', path, `event "${event}" is not declared`, suggest(event, known))
  return undefined
}
