import type { Exclusion } from './verdict.js'

/** What was counted of one template in one layer. */
export interface AuditRow {
  readonly layer: string
  readonly template: string
  /** Values that the layer served and that could be judged. */
  reads: number
  /** Of these: not what the database held right afterwards, so also what was changed between the two. */
  wrong: number
  /** Of these, by the milliseconds: still served so long after. */
  readonly stale: Map<number, number>
  /** The layer had no answer. */
  misses: number
  /** The layer could not be asked. */
  failed: number
  /** By why a value could not be judged. */
  readonly excluded: Map<Exclusion, number>
}

/** Counts by layer and template. */
export class AuditTable {
  readonly #rows = new Map<string, AuditRow>()
  /** Keys that cannot be loaded, since only the digest of their query is known. */
  digests = 0

  constructor(readonly recheckAfterMs: readonly number[]) {}

  at(layer: string, template: string): AuditRow {
    const name = `${layer} ${template}`
    const known = this.#rows.get(name)
    if (known) return known
    const stale = new Map(this.recheckAfterMs.map((afterMs) => [afterMs, 0]))
    const row = { layer, template, reads: 0, wrong: 0, stale, misses: 0, failed: 0, excluded: new Map() }
    this.#rows.set(name, row)
    return row
  }

  /** By layer, then template. */
  get rows(): readonly AuditRow[] {
    return [...this.#rows.values()].sort(
      (left, right) => left.layer.localeCompare(right.layer) || left.template.localeCompare(right.template),
    )
  }

  /** Values that were still wrong `afterMs` later, in all layers. */
  staleAfter(afterMs: number): number {
    return this.rows.reduce((sum, { stale }) => sum + (stale.get(afterMs) ?? 0), 0)
  }
}

/**
 * The share of consistent reads in nines: 0.999 has three. Of reads that were all consistent only a bound is known, the
 * rule of three's: with 95 % confidence fewer than 3 in so many are not (Hanley and Lippman-Hand, JAMA 1983).
 */
export function nines(reads: number, inconsistent: number): string {
  if (reads === 0) return '-'
  if (inconsistent > 0) return (-Math.log10(inconsistent / reads)).toFixed(1).replace('-0.0', '0.0')
  return reads <= 3 ? '-' : `> ${Math.log10(reads / 3).toFixed(1)}`
}

/** Cells of the table: a head, then a row for each layer and template. */
export function tableOf({ rows, recheckAfterMs }: AuditTable): { head: string[]; rows: string[][] } {
  const seconds = recheckAfterMs.map((afterMs) => `${afterMs / 1_000} s`)
  return {
    head: [
      'layer',
      'template',
      'reads',
      'at once',
      ...seconds.flatMap((after) => [`stale at ${after}`, 'nines']),
      'misses',
      'not judged',
    ],
    rows: rows.map((row) => [
      row.layer,
      row.template,
      String(row.reads),
      nines(row.reads, row.wrong),
      ...recheckAfterMs.flatMap((afterMs) => {
        const stale = row.stale.get(afterMs) ?? 0
        return [String(stale), nines(row.reads, stale)]
      }),
      String(row.misses),
      notJudged(row),
    ]),
  }
}

const notJudged = ({ failed, excluded }: AuditRow): string =>
  [...excluded, ['no answer', failed] as const]
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${reason} ${count}`)
    .join(', ')
