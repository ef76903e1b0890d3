import { shardTagText, type ShardTag } from '../../src/index.js'

/** Rows 0 and 1 are of one table, row 2 of another. */
export const rowCount = 3
export const tableOf = (row: number): number => (row < 2 ? 0 : 1)
export const shardCount = 2

export const everyShard: readonly number[] = Array.from({ length: shardCount }, (_, shard) => shard)
/** The place of the namespace's own state. */
export const namespacePlace = shardCount
export const everyPlace: readonly number[] = [...everyShard, namespacePlace]

/** What a service caches. */
export interface Key {
  /** Which catalog declares it: a client reads none of another, also where the text is the same. */
  readonly catalog: number
  readonly text: string
  /** With the fingerprint of its catalog's template. */
  readonly physical: string
  readonly shard: number
  /** The rows that its value is made of. */
  readonly rows: readonly number[]
  /** The tags that its template requires. */
  readonly tags: readonly ShardTag[]
  /** Its value is computed from other keys' values, or from rows whose tags it names. */
  readonly isComputed: boolean
}

/** One service's keys, and what a change of a row fences of them. */
export interface Catalog {
  readonly keys: readonly Key[]
  readonly template: string
  /** By row; undefined where nothing of the catalog rests on it. */
  readonly tagOfRow: readonly (ShardTag | undefined)[]
}

const key = (catalog: number, text: string, shard: number, rows: readonly number[], tags: readonly string[]): Key => ({
  catalog,
  text,
  physical: `${catalog}:${text}`,
  shard,
  rows,
  tags: tags.map((tag) => ({ shard, tag })),
  isComputed: text === 'sum',
})

const first: Catalog = {
  keys: [key(0, 'k0', 0, [0], ['k0', 'T']), key(0, 'k1', 1, [1], ['k1', 'T']), key(0, 'sum', 0, [0, 1], ['sum', 'T'])],
  template: 'T',
  tagOfRow: [{ shard: 0, tag: 'k0' }, { shard: 1, tag: 'k1' }, undefined],
}

/** A second catalog, which may come into force while all else goes on. */
const seconds = {
  'another service, same table': {
    keys: [key(1, 'u0', 1, [0], ['u0', 'U'])],
    template: 'U',
    tagOfRow: [{ shard: 1, tag: 'u0' }, undefined, undefined],
  },
  'another service, another table': {
    keys: [key(1, 'u2', 1, [2], ['u2', 'U'])],
    template: 'U',
    tagOfRow: [undefined, undefined, { shard: 1, tag: 'u2' }],
  },
  // its value is made of another table too, whose changes fence a wildcard that the first version does not know
  'a new version': {
    keys: [key(1, 'k0', 0, [0, 2], ['k0', 'w0', 'T'])],
    template: 'T',
    tagOfRow: [{ shard: 0, tag: 'k0' }, undefined, { shard: 0, tag: 'w0' }],
  },
} as const satisfies Record<string, Catalog>

export type Second = keyof typeof seconds
export const everySecond = Object.keys(seconds) as Second[]

/** What a change fences: a tag, and for whom its rotation is a promise. */
export interface PlannedTag extends ShardTag {
  readonly promises: readonly number[]
}

/** For the judge: one number for a row as the keys of one catalog show it. */
export const promiseOf = (catalog: number, row: number): number => catalog * rowCount + row

/** By catalog and row. */
export const promiseCount = 2 * rowCount

/** All that is declared in a run. */
export class Catalogs {
  readonly all: readonly Catalog[]
  readonly keys: readonly Key[]
  /** By promise: with which shard's tags it is kept; undefined where there is none. */
  readonly shardOfPromise: readonly (number | undefined)[]
  private readonly planned = new Map<string, readonly PlannedTag[]>()

  constructor(second: Second | undefined) {
    this.all = second === undefined ? [first] : [first, seconds[second]]
    this.keys = this.all.flatMap(({ keys }) => keys)
    this.shardOfPromise = this.all.flatMap(({ tagOfRow }) => tagOfRow.map((tag) => tag?.shard))
  }

  keysOf(catalog: number): readonly Key[] {
    return this.all[catalog]?.keys ?? []
  }

  isTemplate(tag: string): boolean {
    return this.all.some(({ template }) => template === tag)
  }

  /** The tables that a catalog's rules rest on. */
  tablesOf(catalog: number): readonly number[] {
    const rows = this.all[catalog]?.tagOfRow ?? []
    return [...new Set(rows.flatMap((tag, row) => (tag ? [tableOf(row)] : [])))]
  }

  /** The tags of these catalogs' templates, in every shard, each once. */
  templateTags(catalogs: Iterable<number>): readonly PlannedTag[] {
    const templates = Map.groupBy(catalogs, (catalog) => this.all[catalog]?.template ?? '')
    return [...templates].flatMap(([tag, of]) =>
      everyShard.map((shard) => ({ shard, tag, promises: of.flatMap((catalog) => this.promisesIn(shard, catalog)) })),
    )
  }

  /** The tags that a change of a row rotates: its keys', or the whole templates'. */
  tagsOfChange(row: number, wholeTemplate: boolean, known: ReadonlySet<number>): readonly PlannedTag[] {
    const name = `${row} ${wholeTemplate} ${known.has(0)} ${known.has(1)}`
    const before = this.planned.get(name)
    if (before) return before
    const planned = this.plan(row, wholeTemplate, known)
    this.planned.set(name, planned)
    return planned
  }

  private plan(row: number, wholeTemplate: boolean, known: ReadonlySet<number>): readonly PlannedTag[] {
    const concerned = [...known].filter((catalog) => this.all[catalog]?.tagOfRow[row])
    if (wholeTemplate)
      return this.templateTags(concerned).map((tag) => ({
        ...tag,
        promises: tag.promises.filter((promise) => promise % rowCount === row),
      }))
    const tags = Map.groupBy(concerned, (catalog) => nameOf(this.all[catalog]?.tagOfRow[row] as ShardTag))
    return [...tags.values()].map((of) => ({
      ...(this.all[of[0] ?? 0]?.tagOfRow[row] as ShardTag),
      promises: of.map((catalog) => promiseOf(catalog, row)),
    }))
  }

  private promisesIn(shard: number, catalog: number): number[] {
    const rows = this.all[catalog]?.tagOfRow ?? []
    return rows.flatMap((tag, row) => (tag?.shard === shard ? [promiseOf(catalog, row)] : []))
  }
}

const made = new Map<Second | undefined, Catalogs>()

export function catalogsWith(second: Second | undefined): Catalogs {
  const catalogs = made.get(second) ?? new Catalogs(second)
  made.set(second, catalogs)
  return catalogs
}

/** The first catalog's key of one row. */
export function keyOfRow(row: number): Key {
  const found = first.keys[row]
  if (!found) throw new RangeError(`there is no key of row ${row}`)
  return found
}

export const nameOf = shardTagText
