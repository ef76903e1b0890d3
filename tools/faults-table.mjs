// Writes the tables of docs/faults.md, of the last run of each fault test.
//
//   npm run test:faults && node tools/faults-table.mjs
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { nines } from '../libs/auditor/dist/index.js'

const root = new URL('..', import.meta.url).pathname
const results = join(root, '.nx', 'faults')
const page = join(root, 'docs', 'faults.md')

const files = (await readdir(results)).filter((name) => name.endsWith('.json')).sort()
const faults = (await Promise.all(files.map(async (name) => JSON.parse(await readFile(join(results, name), 'utf8')))))
  .flat()
  .sort((left, right) => left.file.localeCompare(right.file) || left.at - right.at)

const number = (count) => count.toLocaleString('en')
const sum = (rows, count) => rows.reduce((all, row) => all + count(row), 0)
const staleAt = (afterMs) => (row) => row.stale[afterMs] ?? 0
const numbers = (counts) => counts.map(number).join(', ')

/** The commits, the comparisons and the audit of each fault. */
function byFault() {
  const rows = faults.map(({ name, file, commits, compared, afterwards, audit }) => {
    const reads = sum(audit, (row) => row.reads)
    const late = sum(audit, staleAt(1_000))
    return [
      name,
      number(commits),
      numbers(compared),
      numbers(afterwards),
      '0',
      number(reads),
      `${late} (${nines(reads, late)})`,
      String(sum(audit, staleAt(5_000))),
      `[${file}](../e2e/faults/${file}.test.ts)`,
    ]
  })
  return table(
    ['what happens in traffic', 'commits', 'compared', 'afterwards', 'stale', 'audited', 'at 1 s', 'at 5 s', 'test'],
    rows,
  )
}

/** All audits together, by layer and template. */
function byTemplate() {
  const groups = Map.groupBy(
    faults.flatMap(({ audit }) => audit),
    ({ layer, template }) => `${layer} ${template}`,
  )
  const rows = [...groups.values()].map((group) => {
    const [{ layer, template }] = group
    const reads = sum(group, (row) => row.reads)
    const share = (count) => `${number(count)} (${nines(reads, count)})`
    return [
      layer,
      template,
      number(reads),
      nines(
        reads,
        sum(group, (row) => row.wrong),
      ),
      share(sum(group, staleAt(1_000))),
      share(sum(group, staleAt(5_000))),
    ]
  })
  rows.sort((left, right) => left[0].localeCompare(right[0]) || left[1].localeCompare(right[1]))
  return table(['layer', 'template', 'reads', 'at once', 'stale at 1 s (nines)', 'stale at 5 s (nines)'], rows)
}

const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

function between(text, mark, content) {
  const [begin, end] = [`<!-- ${mark} -->`, `<!-- end of ${mark} -->`]
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from === -1 || to === -1) throw new Error(`docs/faults.md has no ${begin} … ${end}`)
  return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`
}

const text = await readFile(page, 'utf8')
const written = between(between(text, 'by fault', byFault()), 'by template', byTemplate())
await writeFile(page, await format(written, { ...(await resolveConfig(page)), parser: 'markdown' }))
console.log(`${faults.length} faults in docs/faults.md`)
