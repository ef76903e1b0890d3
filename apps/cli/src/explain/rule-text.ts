import type { FencedTag, RuleDescription, RuleVerdict, TagRule, Way, WhyNot } from '@freshet/planner'

/** Which rule: its catalog, its position, its name. */
export const ruleText = ({ owner, version, rule, name }: Omit<TagRule, 'source'>): string =>
  `${owner}@${version} rule ${rule}${name === undefined ? '' : ` (${name})`}`

/** When it acts. */
export function occasionText({ source, on }: RuleDescription): string {
  if ('event' in on) return on.event === source ? `event ${on.event}` : `${source}: event ${on.event}`
  const parts: string[] = []
  if (on.operations) parts.push(on.operations.join(', '))
  if (on.changed) parts.push(`changed ${on.changed.join(', ')}`)
  for (const [column, value] of Object.entries(on.where ?? {})) parts.push(`${column} = ${JSON.stringify(value)}`)
  return parts.length === 0 ? source : `${source}: ${parts.join('; ')}`
}

/** What it fences, and by which derivations. */
export const wayText = ({ fences, via }: Way): string => (via ? `${fences}, by ${via.join(' -> ')}` : fences)

/** What it does to the key, or why it does not. */
export const verdictText = (verdict: RuleVerdict): string =>
  verdict.fences ? `fences ${verdict.fences.map(fencedText).join('; ')}` : `does not: ${whyNotText(verdict.whyNot)}`

function fencedText({ tag, via, widened }: FencedTag): string {
  const parts = [tag]
  if (via) parts.push(`by ${via.join(' -> ')}`)
  if (widened) parts.push('widened: the row does not tell which')
  return parts.join(', ')
}

function whyNotText(why: WhyNot): string {
  switch (why.reason) {
    case 'other-source':
      return 'the change is of another table or event'
    case 'operation':
      return `it is about ${why.covered.join(', ')}, and this is ${why.operation}`
    case 'unchanged':
      return `the update changed ${why.changed.join(', ') || 'nothing'}, and the rule rests on ${why.columns.join(', ')}`
    case 'condition':
      return why.columns.map((column) => `${column.column} is not ${comparedText(column)}`).join('; ')
    case 'not-become':
      return why.columns.map((column) => `${column.column} did not become ${comparedText(column)}`).join('; ')
    case 'bound-otherwise':
      return why.tags.length === 0
        ? 'a parameter is null: it fences nothing'
        : `it fences ${why.tags.join(', ')} instead`
  }
}

type Compared = Extract<WhyNot, { reason: 'condition' }>['columns'][number]

function comparedText({ wanted, old, new: now }: Compared): string {
  const rows = [
    ...(old === undefined ? [] : [`old ${JSON.stringify(old)}`]),
    ...(now === undefined ? [] : [`new ${JSON.stringify(now)}`]),
  ]
  return `${JSON.stringify(wanted)}${rows.length === 0 ? '' : ` (${rows.join(', ')})`}`
}
