import type { Precision } from './precision.js'

/** A measurement as Markdown: a table by template, and one by rule. */
export function precisionTables({ templates, rules }: Pick<Precision, 'templates' | 'rules'>): string {
  const byTemplate = templates.map(({ template, altered, figures: { fenced, fencedAndAltered } }) => [
    template,
    ...[altered, fenced, fencedAndAltered].map(whole),
    part(fencedAndAltered, altered),
    part(fencedAndAltered, fenced),
  ])
  const byRule = rules
    .toSorted((left, right) => left.rule.localeCompare(right.rule) || left.fences.localeCompare(right.fences))
    .map(({ rule, fences, sort, figures }) => [
      rule,
      `\`${fences}\``,
      sort,
      ...[figures.fenced, figures.fencedAndAltered].map(whole),
      part(figures.fencedAndAltered, figures.fenced),
      mostlyFor(figures.forNothing),
    ])
  return [
    table(['template', 'altered', 'fenced', 'fenced and altered', 'recall', 'precision'], byTemplate),
    table(['rule', 'fences', 'sort', 'fenced', 'fenced and altered', 'precision', 'for nothing, mostly by'], byRule),
  ].join('\n\n')
}

const mostlyFor = (forNothing: ReadonlyMap<string, number>): string =>
  [...forNothing]
    .toSorted(([, left], [, right]) => right - left)
    .slice(0, 3)
    .map(([kind, count]) => `${kind} (${whole(count)})`)
    .join('; ')

const whole = (count: number): string => count.toLocaleString('en')
/** Rounded down, so that what falls short of 1 does not look like it. */
const part = (some: number, all: number): string =>
  all === 0 ? '-' : (Math.floor((some / all) * 1_000) / 1_000).toFixed(3)

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)))
  const line = (cells: readonly string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}
