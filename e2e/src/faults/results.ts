import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { AuditTable } from '@freshet/auditor'
import type { LayerVerdict } from '@freshet/demo'

/** What one fault came to. */
export interface FaultResult {
  readonly name: string
  readonly commits: number
  readonly compared: readonly LayerVerdict[]
  readonly afterwards: readonly LayerVerdict[]
  readonly audit: AuditTable
}

const folder = new URL('../../../.nx/faults/', import.meta.url).pathname

/** Keeps it for docs/faults.md, whose tables tools/faults-table.mjs writes: the last run of each fault, by its test file. */
export async function keepResult(testPath: string, result: FaultResult): Promise<void> {
  const file = basename(testPath).replace(/\.test\.ts$/, '')
  const path = join(folder, `${file}.json`)
  const known = await readFile(path, 'utf8').then(
    (text) => JSON.parse(text) as { name: string }[],
    () => [],
  )
  const kept = known.filter(({ name }) => name !== result.name)
  const audit = result.audit.rows.map(({ layer, template, reads, wrong, stale }) => ({
    layer,
    template,
    reads,
    wrong,
    stale: Object.fromEntries(stale),
  }))
  const checked = (verdicts: readonly LayerVerdict[]) => verdicts.map((verdict) => verdict.checked)
  const entry = {
    name: result.name,
    file,
    at: Date.now(),
    commits: result.commits,
    compared: checked(result.compared),
    afterwards: checked(result.afterwards),
    audit,
  }
  await mkdir(folder, { recursive: true })
  await writeFile(path, JSON.stringify([...kept, entry], undefined, 2))
}
