import type { Catalog } from '@freshet/catalog'
import type { MissReason } from '@freshet/coherence'
import { describeKey, explainKey, type Change, type EmittedEvent, type KeyDescription } from '@freshet/planner'
import { changeOf, UndeclaredInCatalogError, type TestChange } from '@freshet/planner/testing'
import type { ValueStore } from '@freshet/redis'
import { tableLines } from '../table.js'
import type { Terminal } from '../terminal.js'
import { readCached, type CachedKey } from './cached-key.js'
import { keyUnknown } from './key-unknown-error.js'
import { occasionText, ruleText, verdictText, wayText } from './rule-text.js'

/** What is known of a key beside the catalogs. */
export interface KeySources {
  /** Undefined where nobody is to look into Redis. */
  readonly values: ValueStore | undefined
  /** The catalog of the module of loaders, if one was named. */
  readonly loaders: Catalog | undefined
}

type Explained = KeyDescription & { readonly cached?: CachedKey; readonly loader?: boolean }

/**
 * Prints what governs a key, what can fence it, and what Redis holds of it.
 *
 * Throws KeyUnknownError, and ValuesUnavailableError.
 */
export async function explainOneKey(
  terminal: Terminal,
  catalogs: readonly Catalog[],
  text: string,
  { values, loaders }: KeySources,
  json: boolean,
): Promise<void> {
  const described = describeKey(catalogs, text)
  if (described.length === 0) throw keyUnknown(text, catalogs)
  const explained = await Promise.all(
    described.map(async (each): Promise<Explained> => ({
      ...each,
      ...(values && { cached: await readCached(values, each) }),
      ...(loaders && { loader: loaders.owner === each.owner && loaders.templates.has(each.template) }),
    })),
  )
  if (json) terminal.print(JSON.stringify(explained, undefined, 2))
  else for (const each of explained) printKey(terminal, each)
}

/**
 * Prints whether changes fence a key, and of each rule that can why it does or does not; true where one of them does.
 *
 * Throws KeyUnknownError, and UndeclaredInCatalogError where no catalog declares what a change names.
 */
export function explainKeyForChanges(
  terminal: Terminal,
  catalogs: readonly Catalog[],
  text: string,
  changes: readonly TestChange[],
  json: boolean,
): boolean {
  if (describeKey(catalogs, text).length === 0) throw keyUnknown(text, catalogs)
  const explained = changes.map((change) => explainKey(catalogs, text, inColumns(catalogs, change)))
  const isFenced = explained.flat().some(({ fenced }) => fenced)
  if (json) {
    terminal.print(JSON.stringify(explained, undefined, 2))
    return isFenced
  }
  for (const [at, each] of explained.entries())
    for (const { key, owner, version, template, fenced, rules } of each) {
      const which = changes.length === 1 ? 'the change' : `change ${at + 1}`
      terminal.print(`${key} (${template} of ${owner}@${version}) is ${fenced ? '' : 'not '}fenced by ${which}`)
      const rows = rules.map((rule) => [ruleText(rule), verdictText(rule.verdict)])
      if (rows.length > 0) for (const line of tableLines(['RULE', 'FOR THIS KEY'], rows)) terminal.print(line)
    }
  return isFenced
}

/** Aliases are a catalog's own: the change as all catalogs together see it, by the database's names. */
function inColumns(catalogs: readonly Catalog[], change: TestChange): Change | EmittedEvent {
  let undeclared: unknown
  let made: Change | EmittedEvent | undefined
  for (const catalog of catalogs)
    try {
      made = together(made, changeOf(catalog, change))
    } catch (error) {
      if (!(error instanceof UndeclaredInCatalogError)) throw error
      undeclared ??= error
    }
  if (made === undefined) throw undeclared
  return made
}

function together(one: Change | EmittedEvent | undefined, other: Change | EmittedEvent): Change | EmittedEvent {
  if (one === undefined || !('table' in one) || !('table' in other)) return other
  const changed = one.changed && other.changed && [...new Set([...one.changed, ...other.changed])]
  return {
    ...other,
    old: other.old && { ...one.old, ...other.old },
    new: other.new && { ...one.new, ...other.new },
    changed,
  }
}

function printKey(terminal: Terminal, explained: Explained): void {
  const { key, template, templateText, owner, version, parameters, derivations, rules, tags, cached, loader } =
    explained
  terminal.print(`${key}: ${template} of ${owner}@${version}, ${templateText}`)
  for (const [name, value] of Object.entries(parameters))
    terminal.print(`  ${name} = ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
  for (const { from, with: bound = {} } of derivations) {
    const mapped = Object.entries(bound).map(([mine, other]) => `${mine} = ${other}`)
    terminal.print(`  computed from ${from}: ${mapped.join(', ') || 'all of it'}`)
  }
  if (loader !== undefined) terminal.print(`  ${loader ? 'has a loader' : 'has no loader'} in the module of loaders`)
  if (cached) {
    terminal.print(
      `  ${cached.inForceSince ? `in force since ${cached.inForceSince}` : 'its catalog is not in force: nothing is stored or served'}`,
    )
    terminal.print(`  ${valueText(cached.value)}`)
  }
  terminal.print('')
  for (const line of cached
    ? cachedTagLines(cached)
    : tableLines(
        ['TAG'],
        tags.map((tag) => [tag.text]),
      ))
    terminal.print(line)
  terminal.print('')
  const rows = rules.map((rule) => [ruleText(rule), occasionText(rule), rule.ways.map(wayText).join('; ')])
  if (rows.length === 0) terminal.print('No rule can fence it.')
  else for (const line of tableLines(['RULE', 'ON', 'FENCES'], rows)) terminal.print(line)
}

function valueText(value: CachedKey['value']): string {
  if (value.state === 'absent') return 'Redis holds no value'
  if (value.state === 'unreadable') return 'Redis holds a value that this version cannot read'
  const filled = `loaded ${seconds(value.ageMs)} ago, ttl ${seconds(value.ttlMs)}${value.lease ? ', of lease strength' : ''}`
  if (value.state === 'fresh') return `Redis holds a fresh value, ${filled}`
  return `Redis holds a value that is not served, ${filled}: ${reasonTexts[value.reason](value.tag)}`
}

const reasonTexts: Readonly<Record<MissReason, (tag: string) => string>> = {
  fenced: (tag) => `${tag} was fenced since`,
  'generation-lost': (tag) => `${tag} was fenced since, or evicted`,
  'governed-otherwise': () => 'it was filled under other tags',
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)}s`

function cachedTagLines({ tags }: CachedKey): string[] {
  const rows = tags.map(({ tag, generation, filledUnder, further }) => [
    tag,
    generation ?? 'none',
    filledUnder === undefined ? '' : filledUnder === generation ? 'the same' : filledUnder,
    further ? 'of its value' : '',
  ])
  return tableLines(['TAG', 'GENERATION NOW', 'VALUE FILLED UNDER', ''], rows)
}
