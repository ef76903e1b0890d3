import type { ParameterKind } from '@freshet/cache-keys'
import type { Catalog, EventParameterType, OccasionJson, RuleJson, TableJson } from '@freshet/catalog'
import { compileEviction, type Eviction } from './eviction.js'
import { occasionOf, type Occasion } from './occasion.js'
import type { Cause } from './plan.js'
import { compileTarget, type Source, type Target } from './target.js'

/** What a rule does, whatever it rests on. */
export interface Effects {
  readonly cause: Cause
  readonly widenedCause: Cause
  readonly targets: readonly Target[]
  readonly evictions: readonly Eviction[]
}

/** A rule on changes of a table, or on an event made of them. */
export interface TableRule extends Effects {
  readonly table: string
  readonly entity: string
  readonly occasion: Occasion
}

/** A rule on an event that services emit. */
export interface EventRule extends Effects {
  readonly event: string
  readonly entity: string
}

const kinds: Readonly<Record<EventParameterType, ParameterKind>> = {
  int2: 'integer',
  int4: 'integer',
  int8: 'integer',
  uuid: 'uuid',
  text: 'text',
  bool: 'boolean',
  date: 'date',
}

/** Compiles a catalog's rules. */
export function compileRules(catalog: Catalog): { tableRules: TableRule[]; eventRules: EventRule[] } {
  const tableRules: TableRule[] = []
  const eventRules: EventRule[] = []
  for (const [index, rule] of catalog.json.rules.entries()) {
    const [name, table] = tableOf(catalog, rule.on) ?? []
    if (name !== undefined && table !== undefined) {
      const sourceOf = (alias: string): Source => ({ name: table.columns[alias] ?? alias })
      const effects = compileEffects(catalog, index, rule, sourceOf)
      const occasion = occasionOf(rule.on, table, boundNames(effects))
      tableRules.push({ ...effects, table: name, entity: table.entity, occasion })
    } else if ('event' in rule.on) {
      const { event } = rule.on
      const types = catalog.json.events?.[event]?.parameters ?? {}
      const sourceOf = (alias: string): Source => {
        const type = types[alias]
        return type === undefined ? { name: alias } : { name: alias, kind: kinds[type] }
      }
      const entity = event.slice(0, event.indexOf('.'))
      eventRules.push({ ...compileEffects(catalog, index, rule, sourceOf), event, entity })
    }
  }
  return { tableRules, eventRules }
}

/** The table that a rule rests on, also through an event that is made of its changes. */
function tableOf({ json }: Catalog, on: OccasionJson): readonly [string, TableJson] | undefined {
  return Object.entries(json.tables).find(([name, { events }]) =>
    'table' in on ? name === on.table : events !== undefined && Object.hasOwn(events, on.event),
  )
}

function compileEffects(catalog: Catalog, index: number, rule: RuleJson, sourceOf: (alias: string) => Source): Effects {
  const cause: Cause = {
    owner: catalog.owner,
    version: catalog.version,
    rule: index,
    ...(rule.name !== undefined && { name: rule.name }),
  }
  return {
    cause,
    widenedCause: { ...cause, widened: true },
    targets: rule.fences.map((target) => compileTarget(catalog, target, sourceOf)),
    evictions: (rule.evict ?? []).map((eviction) => compileEviction(eviction, sourceOf)),
  }
}

function boundNames({ targets, evictions }: Effects): readonly string[] {
  const sources = targets.flatMap(({ segments }) => segments ?? []).filter((segment) => typeof segment === 'object')
  return [...sources, ...evictions.flatMap((eviction) => [...eviction.sources.values()])].map(({ name }) => name)
}
