import type { BoundParameters, Tag } from '@freshet/cache-keys'
import { governingTags, type Catalog, type DerivationJson, type OccasionJson } from '@freshet/catalog'
import type { Change, ColumnValue, EmittedEvent } from './change.js'
import { fencersOf, type Fencer } from './fencers.js'
import { keysOfText, type CatalogKey } from './key-of-text.js'
import { refusalOf, type Occasion, type Refusal, type RowChange } from './occasion.js'
import { sidesOf, valueIn, type Side } from './row.js'
import type { CausedTarget, EventRule, TableRule } from './rules.js'
import { bindTarget, wholeTemplates, type Read, type Target } from './target.js'

/** What governs a key, and what can fence it: all that does not change with time. */
export interface KeyDescription {
  readonly owner: string
  readonly version: string
  /** The template's name, and its text. */
  readonly template: string
  readonly templateText: string
  readonly key: string
  /** Where its value lies: its shard, and the fingerprint of its template and tags. */
  readonly shard: number
  readonly fingerprint: string
  /** Without `query` where only a digest is left of the query. */
  readonly parameters: BoundParameters
  /** Its value is fresh only while each of them is as it was when the value was loaded. */
  readonly tags: readonly Tag[]
  /** Derivations that lead to its template, at one step. */
  readonly derivations: readonly DerivationJson[]
  /** The rules that can fence it, in the order of their catalogs. */
  readonly rules: readonly RuleDescription[]
}

/** A rule that can fence the key. */
export interface RuleDescription {
  readonly owner: string
  readonly version: string
  /** The rule's position in its catalog. */
  readonly rule: number
  readonly name?: string
  /** The table whose changes it rests on, also through an event that is made of them; or the event that services emit. */
  readonly source: string
  /** Table, operations, columns and conditions, or the event, as the catalog says it. */
  readonly on: OccasionJson
  readonly ways: readonly Way[]
}

/** How a rule reaches the key: by a target of its own, or by derivations from one. */
export interface Way {
  /** With the columns that it binds: `member:{member_id}:*`; a whole template begins with `*`. */
  readonly fences: string
  /** The templates from the rule's to the key's. */
  readonly via?: readonly string[]
}

/** As a `KeyDescription`, for one change. */
export interface KeyExplanation extends Omit<KeyDescription, 'rules'> {
  readonly fenced: boolean
  readonly rules: readonly (RuleDescription & { readonly verdict: RuleVerdict })[]
}

/** What one rule does to the key for one change. */
export type RuleVerdict =
  { readonly fences: readonly FencedTag[] } | { readonly fences?: undefined; readonly whyNot: WhyNot }

/** A tag of the key that the rule fences. */
export interface FencedTag {
  readonly tag: string
  readonly via?: readonly string[]
  /** The row lacked a value that the rule binds, so that more was fenced than it names. */
  readonly widened?: true
}

/** Why a rule that can fence the key does not. The first reason that there is. */
export type WhyNot =
  /** The change is of another table, or the event another. */
  | { readonly reason: 'other-source' }
  | { readonly reason: 'operation'; readonly operation: string; readonly covered: readonly string[] }
  /** An update that is known to have changed none of the columns that the rule rests on. */
  | { readonly reason: 'unchanged'; readonly columns: readonly string[]; readonly changed: readonly string[] }
  /** Neither the old nor the new row has the values that the rule asks for. */
  | { readonly reason: 'condition'; readonly columns: readonly ComparedColumn[] }
  /** The column did not become the value that makes the event. */
  | { readonly reason: 'not-become'; readonly columns: readonly ComparedColumn[] }
  /** The rows bind its parameters to other values: these tags are fenced instead, none where a parameter is null. */
  | { readonly reason: 'bound-otherwise'; readonly tags: readonly string[] }

export interface ComparedColumn {
  readonly column: string
  readonly wanted: ColumnValue
  /** Left out where the change has no such row, or does not tell. */
  readonly old?: ColumnValue
  readonly new?: ColumnValue
}

/** What governs the key of this text and what can fence it, once for each template that it is a key of. Pure. */
export const describeKey = (catalogs: readonly Catalog[], text: string): readonly KeyDescription[] =>
  keysOfText(catalogs, text).map((key) => ({
    ...governed(key),
    rules: fencersOf(catalogs, key).filter(names).map(ruleOf),
  }))

/**
 * Does a change fence the key of this text, and of each rule that can: does it, and if not, why not? Fenced exactly where
 * the planner's plan has one of the key's tags. Pure.
 *
 * @example explainKey([membersCatalog], 'member:42:balance', { table: 'public.members', operation: 'insert', new: { id: '7' } })
 */
export const explainKey = (
  catalogs: readonly Catalog[],
  text: string,
  change: Change | EmittedEvent,
): readonly KeyExplanation[] =>
  keysOfText(catalogs, text).map((key) => {
    const { tags, ...rest } = governed(key)
    const rules = fencersOf(catalogs, key)
      .map((fencer) => ({ fencer, verdict: verdictOf(fencer, change, tags) }))
      .filter(({ fencer, verdict }) => names(fencer) || verdict.fences !== undefined)
      .map(({ fencer, verdict }) => ({ ...ruleOf(fencer), verdict }))
    return { ...rest, tags, rules, fenced: rules.some(({ verdict }) => verdict.fences !== undefined) }
  })

function governed({ catalog, template, key }: CatalogKey): Omit<KeyDescription, 'rules'> {
  const { owner, version, json } = catalog
  return {
    owner,
    version,
    template: template.name,
    templateText: template.template.text,
    key: key.text,
    shard: key.shard,
    fingerprint: template.fingerprint,
    parameters: key.parameters,
    tags: governingTags(template, key),
    derivations: (json.derivations ?? []).filter((derivation) => derivation.template === template.name),
  }
}

/** Does it name the key or its template? One that does not is of interest only where it is widened that far. */
const names = ({ targets }: Fencer): boolean => targets.length > 0

function ruleOf({ rule, on, targets, widening }: Fencer): RuleDescription {
  const { owner, version, index, name } = rule
  const ways = [...targets, ...widening].map((target) => ({
    fences: targetText(target),
    ...(target.via && { via: target.via }),
  }))
  return {
    owner,
    version,
    rule: index,
    ...(name !== undefined && { name }),
    source: 'table' in rule ? rule.table : rule.event,
    on,
    ways,
  }
}

function targetText({ segments, wildcard, reaches }: Target): string {
  if (segments === undefined) return reaches.map(({ tag }) => tag.text).join(' ')
  const parts = segments.map((segment) => (typeof segment === 'string' ? segment : `{${segment.name}}`))
  return (wildcard ? [...parts, '*'] : parts).join(':')
}

function verdictOf(
  { rule, targets, widening }: Fencer,
  change: Change | EmittedEvent,
  tags: readonly Tag[],
): RuleVerdict {
  const all = [...targets, ...widening]
  const bound = 'occasion' in rule ? boundByChange(rule, all, change) : boundByEvent(rule, all, change)
  if ('reason' in bound) return { whyNot: bound }
  const isOfKey = ({ tag }: BoundTag): boolean =>
    tags.some(({ shard, text }) => shard === tag.shard && text === tag.text)
  const fences = bound.filter(isOfKey).map(({ tag, target, widened }): FencedTag => ({
    tag: tag.text,
    ...(target.via && { via: target.via }),
    ...(widened && { widened }),
  }))
  if (fences.length > 0) return { fences: distinct(fences) }
  const others = bound.filter(({ target }) => !widening.includes(target))
  return { whyNot: { reason: 'bound-otherwise', tags: distinct(others.map(({ tag }) => tag.text)) } }
}

interface BoundTag {
  readonly tag: Tag
  readonly target: CausedTarget
  readonly widened?: true
}

function boundByChange(
  { table, occasion }: TableRule,
  targets: readonly CausedTarget[],
  change: Change | EmittedEvent,
): readonly BoundTag[] | WhyNot {
  if (!('table' in change) || change.table !== table) return { reason: 'other-source' }
  if (!isRowChange(change)) return targets.flatMap((target) => wholeTemplates(target).map((tag) => ({ tag, target })))
  const refusal = refusalOf(occasion, change)
  if (refusal !== undefined) return whyRefused(refusal, occasion, change)
  return sidesOf[change.operation].flatMap((side) =>
    targets.flatMap((target) => bind(target, (column) => valueIn(change, side, column, occasion.key))),
  )
}

function boundByEvent(
  { event }: EventRule,
  targets: readonly CausedTarget[],
  emitted: Change | EmittedEvent,
): readonly BoundTag[] | WhyNot {
  if ('table' in emitted || emitted.name !== event) return { reason: 'other-source' }
  const { parameters } = emitted
  return targets.flatMap((target) =>
    bind(target, (name) => (Object.hasOwn(parameters, name) ? parameters[name] : undefined)),
  )
}

function bind(target: CausedTarget, read: Read): readonly BoundTag[] {
  const { tags, widened } = bindTarget(target, read)
  return tags.map((tag) => ({ tag, target, ...(widened && { widened }) }))
}

const isRowChange = (change: Change): change is RowChange => change.operation !== 'truncate'

function whyRefused(reason: Refusal, occasion: Occasion, change: RowChange): WhyNot {
  const { operations, changed, where, becomes } = occasion
  switch (reason) {
    case 'operation':
      return { reason, operation: change.operation, covered: [...operations] }
    case 'unchanged':
      return { reason, columns: [...(changed ?? [])], changed: change.changed ?? [] }
    case 'condition':
      return { reason, columns: where.map(([column, wanted]) => compared(occasion, change, column, wanted)) }
    case 'not-become':
      return { reason, columns: becomes ? [compared(occasion, change, becomes.column, becomes.value)] : [] }
  }
}

function compared({ key }: Occasion, change: RowChange, column: string, wanted: ColumnValue): ComparedColumn {
  const valueOf = (side: Side): ColumnValue | undefined =>
    sidesOf[change.operation].includes(side) ? valueIn(change, side, column, key) : undefined
  const [old, now] = [valueOf('old'), valueOf('new')]
  return { column, wanted, ...(old !== undefined && { old }), ...(now !== undefined && { new: now }) }
}

const distinct = <T>(all: readonly T[]): readonly T[] => [
  ...new Map(all.map((each) => [JSON.stringify(each), each])).values(),
]
