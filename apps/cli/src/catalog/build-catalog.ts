import { writeFile } from 'node:fs/promises'
import type { Terminal } from '../terminal.js'
import { judgeCatalog } from './catalog-source.js'
import { printJudgement } from './print-judgement.js'

/** Writes the JSON of a module's catalog to a file, or prints it; false when it has faults, which are printed. */
export async function buildCatalog(terminal: Terminal, source: string, out: string | undefined): Promise<boolean> {
  const judged = await judgeCatalog(source)
  // Only the JSON goes to standard output, for `freshet catalog build MODULE > catalog.json`.
  const valid = printJudgement({ ...terminal, print: (line) => terminal.note(line) }, source, judged)
  if (judged.catalog === undefined || !valid) return false
  const json = JSON.stringify(judged.catalog.json, null, 2)
  if (out === undefined) terminal.print(json)
  else await writeFile(out, `${json}\n`)
  return true
}
