import {
  explainKeyForChanges,
  explainKeyNow,
  type CachedKey,
  type ExplainedKey,
  type KeySources,
} from '@freshet/explain'
import type { Catalog } from '@freshet/catalog'
import type { MissReason } from '@freshet/coherence'
import type { TestChange } from '@freshet/planner/testing'
import { tableLines } from '../table.js'
import type { Terminal } from '../terminal.js'
import { accessesText, historyLines, seconds } from './history-text.js'
import { occasionText, ruleText, verdictText, wayText } from './rule-text.js'

/**
 * Prints what governs a key, what can fence it, what Redis holds of it, and what happened to it.
 *
 * Throws as `explainKeyNow` does.
 */
export async function explainOneKey(
  terminal: Terminal,
  text: string,
  sources: KeySources,
  json: boolean,
): Promise<void> {
  const explained = await explainKeyNow(text, sources)
  if (json) terminal.print(JSON.stringify(explained, undefined, 2))
  else for (const each of explained) printKey(terminal, each)
}

/**
 * Prints whether changes fence a key, and of each rule that can why it does or does not; true where one of them does.
 *
 * Throws as `explainKeyForChanges` does.
 */
export function printKeyForChanges(
  terminal: Terminal,
  catalogs: readonly Catalog[],
  text: string,
  changes: readonly TestChange[],
  json: boolean,
): boolean {
  const explained = explainKeyForChanges(catalogs, text, changes)
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

function printKey(terminal: Terminal, explained: ExplainedKey): void {
  const { key, template, templateText, owner, version, parameters, derivations, rules, cached, loader } = explained
  terminal.print(`${key}: ${template} of ${owner}@${version}, ${templateText}`)
  for (const [name, value] of Object.entries(parameters))
    terminal.print(`  ${name} = ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
  for (const { from, with: bound = {} } of derivations) {
    const mapped = Object.entries(bound).map(([mine, other]) => `${mine} = ${other}`)
    terminal.print(`  computed from ${from}: ${mapped.join(', ') || 'all of it'}`)
  }
  if (loader !== undefined) terminal.print(`  ${loader ? 'has a loader' : 'has no loader'} in the module of loaders`)
  terminal.print(
    `  ${cached.inForceSince ? `in force since ${cached.inForceSince}` : 'its catalog is not in force: nothing is stored or served'}`,
  )
  terminal.print(`  ${valueText(cached.value)}`)
  for (const line of historyLines(explained.history)) terminal.print(`  ${line}`)
  terminal.print(`  ${accessesText(explained.accesses)}`)
  terminal.print('')
  for (const line of cachedTagLines(cached)) terminal.print(line)
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

function cachedTagLines({ tags }: CachedKey): string[] {
  const rows = tags.map(({ tag, generation, filledUnder, further }) => [
    tag,
    generation ?? 'none',
    filledUnder === undefined ? '' : filledUnder === generation ? 'the same' : filledUnder,
    further ? 'of its value' : '',
  ])
  return tableLines(['TAG', 'GENERATION NOW', 'VALUE FILLED UNDER', ''], rows)
}
