import { readFile } from 'node:fs/promises'
import type { Catalog } from '@freshet/catalog'
import { plan, type TestChange } from '@freshet/planner/testing'
import type { Cause } from '@freshet/planner'
import { z } from 'zod'
import { tableLines } from '../table.js'
import type { Terminal } from '../terminal.js'

const row = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
const change = z.union([
  z.strictObject({ table: z.string(), insert: row }),
  z.strictObject({ table: z.string(), update: z.strictObject({ old: row, new: row }) }),
  z.strictObject({ table: z.string(), delete: row }),
  z.strictObject({ table: z.string(), truncate: z.literal(true) }),
  z.strictObject({
    event: z.string(),
    parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  }),
])
const changes = z.union([change, z.array(change).min(1)])

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
  const read = changes.safeParse(json)
  if (!read.success) throw new ChangeFileError(file, z.prettifyError(read.error).replaceAll('\n', ' '))
  return [read.data].flat()
}

/**
 * What the changes would fence, and why. Nothing is applied. Catalogs that declare none of what a change names have no part
 * in it. Throws UndeclaredInCatalogError where none does.
 */
export function explainChanges(terminal: Terminal, catalogs: readonly Catalog[], all: readonly TestChange[]): void {
  const rows: string[][] = []
  const others: string[] = []
  for (const catalog of catalogs) {
    const concerned = all.filter((each) => declares(catalog, each) || catalogs.length === 1)
    if (concerned.length === 0) continue
    const { fences, because, evictions, refreshes } = plan(catalog, ...concerned)
    for (const tag of fences) rows.push([tag, (because.get(tag) ?? []).map(causeText).join('; ')])
    for (const key of evictions) others.push(`deletes ${key}, best effort`)
    for (const { key } of refreshes) others.push(`refills ${key}`)
  }
  if (rows.length === 0) terminal.print('Nothing is fenced.')
  else for (const line of tableLines(['FENCES', 'BECAUSE'], rows)) terminal.print(line)
  for (const line of others) terminal.print(line)
}

function declares({ json }: Catalog, each: TestChange): boolean {
  if ('table' in each) return json.tables[each.table] !== undefined
  return json.events?.[each.event] !== undefined
}

function causeText({ owner, version, rule, name, widened, via }: Cause): string {
  const parts = [`${owner}@${version} rule ${rule}${name === undefined ? '' : ` (${name})`}`]
  if (via) parts.push(`by ${via.join(' -> ')}`)
  if (widened) parts.push('widened: the row does not tell which')
  return parts.join(', ')
}
