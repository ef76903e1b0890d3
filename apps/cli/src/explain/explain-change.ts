import { readFile } from 'node:fs/promises'
import type { Catalog } from '@freshet/catalog'
import type { TestChange } from '@freshet/planner/testing'
import { dryRun, plannedChanges } from '@freshet/explain'
import type { Cause } from '@freshet/planner'
import { z } from 'zod'
import { tableLines } from '../table.js'
import type { Terminal } from '../terminal.js'
import { ruleText } from './rule-text.js'

/** A file holds no change that could be planned. */
export class ChangeFileError extends Error {
  readonly code = 'CHANGE_FILE'

  constructor(
    readonly file: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(
      `No change in ${file}: ${reason}; write {"table": "public.payments", "update": {"old": {…}, "new": {…}}}, with insert, delete or truncate instead of update, or {"event": …, "parameters": {…}}`,
      options,
    )
    this.name = 'ChangeFileError'
  }
}

/** Reads one change or several. Throws ChangeFileError. */
export async function readChanges(file: string): Promise<readonly TestChange[]> {
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new ChangeFileError(file, cause.message, { cause })
  })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new ChangeFileError(file, cause instanceof Error ? cause.message : String(cause), { cause })
  }
  const read = plannedChanges.safeParse(json)
  if (!read.success) throw new ChangeFileError(file, z.prettifyError(read.error).replaceAll('\n', ' '))
  return [read.data].flat()
}

/** Prints what the changes would fence, and why. Throws UndeclaredInCatalogError. */
export function explainChanges(terminal: Terminal, catalogs: readonly Catalog[], all: readonly TestChange[]): void {
  const { fences, evictions, refreshes } = dryRun(catalogs, all)
  const rows = fences.map(({ tag, because }) => [tag, because.map(causeText).join('; ')])
  if (rows.length === 0) terminal.print('Nothing is fenced.')
  else for (const line of tableLines(['FENCES', 'BECAUSE'], rows)) terminal.print(line)
  for (const key of evictions) terminal.print(`deletes ${key}, best effort`)
  for (const { key } of refreshes) terminal.print(`refills ${key}`)
}

export function causeText({ owner, version, rule, name, widened, via }: Cause): string {
  const parts = [ruleText({ owner, version, rule, ...(name !== undefined && { name }) })]
  if (via) parts.push(`by ${via.join(' -> ')}`)
  if (widened) parts.push('widened: the row does not tell which')
  return parts.join(', ')
}
