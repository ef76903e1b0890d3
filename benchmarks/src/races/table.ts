import type { Outcome } from './run.js'

const shown = ({ verdict, stale, rounds }: Outcome): string =>
  verdict === 'stale' ? `STALE ${stale}/${rounds}` : verdict

/** A Markdown table: a row for each case, a column for each library. */
export function tableOf(outcomes: readonly Outcome[]): string {
  const libraries = [...new Set(outcomes.map(({ library }) => library))]
  const names = [...new Set(outcomes.map(({ layers, name }) => `${name} | ${layers}`))]
  const rows = names.map((name) => {
    const cells = libraries.map((library) => {
      const found = outcomes.find(
        (outcome) => outcome.library === library && `${outcome.name} | ${outcome.layers}` === name,
      )
      return found ? shown(found) : ''
    })
    return `| ${name} | ${cells.join(' | ')} |`
  })
  const head = ['case', 'layers', ...libraries]
  return [`| ${head.join(' | ')} |`, `| ${head.map(() => '---').join(' | ')} |`, ...rows].join('\n')
}
