import { setTimeout as delay } from 'node:timers/promises'
import { createCache, standby, type Cache, type LoadContext, type LoaderSource, type ReadOptions } from '@freshet/cache'
import { catalog, key, table, wildcard, type TypedKey } from '@freshet/catalog'
import type { System } from '@freshet/demo'
import { AppliedWatch, eventually } from '@freshet/testing/live'
import type { CacheProcess, Library, Load, ProcessOptions, ReadRequest, Row } from '../library.js'
import type { Rows } from '../rows.js'

const keys = {
  byKey: key('row:{id}', { ttl: '1h' }).returns<Row>(),
  byTag: key('group:{group}:row:{id}', { ttl: '1h' }).returns<Row>(),
  late: key('late:{id}', { ttl: '1h' }).returns<Row>(),
}
const rowsTable = table('public.race_rows', { entity: 'race_row', key: ['id'], columns: { id: 'id' } })
const racesCatalog = catalog('races', {
  version: '1',
  keys,
  rules: [
    rowsTable.any.fences((row) => [keys.byKey.of({ id: row.id }), wildcard('group:{group}:*', { group: row.id })]),
  ],
})

/** The whole system, by the README: nobody says what a write makes wrong, and `invalidate` only waits. */
export const freshet = (system: System, primaryUrl: string, rows: Rows): Library => ({
  name: 'Freshet',
  tags: 'early and late',
  open: async (options) => FreshetProcess.open(system, primaryUrl, rows, options),
  crashed: async (commit) => {
    const { invalidation } = system.services
    await invalidation.kill('SIGKILL')
    await commit()
    await invalidation.start()
  },
})

class FreshetProcess implements CacheProcess {
  /** How many fences were heard, and how many when all was last applied. */
  #heard = 0
  #calm = 0
  readonly #replica

  private constructor(
    private readonly cache: Cache,
    private readonly watch: AppliedWatch,
    rows: Rows,
    private readonly options: ReadOptions,
  ) {
    this.#replica = standby(rows.standby)
  }

  static async open({ stack }: System, url: string, rows: Rows, options: ProcessOptions): Promise<FreshetProcess> {
    const counting: { hear?: () => void } = {}
    const cache = await createCache({
      catalog: racesCatalog,
      redis: options.redisUrl,
      postgres: { url },
      kafka: { brokers: [stack.kafkaBrokers] },
      onOccurrence: ({ type }) => type === 'l1:fenced' && counting.hear?.(),
    })
    await cache.register()
    await cache.inForce()
    await eventually(() => cache.health().l1, 'sighted')
    const watch = new AppliedWatch(rows.primary, stack.redisUrl)
    // without values in L2 it still holds the generations that fills are judged by
    const process = new FreshetProcess(cache, watch, rows, options.layers === 'l1' ? { layers: ['l1'] } : {})
    counting.hear = () => (process.#heard += 1)
    return process
  }

  async read({ id, by, tagIsLate, load, from }: ReadRequest): Promise<Row> {
    const source: LoaderSource = from === 'standby' ? this.#replica : 'primary'
    const options = { ...this.options, source }
    if (!tagIsLate) return this.cache.get(keyOf(id, by), (context) => loadBy(load, context), options)
    const late = async (context: LoadContext): Promise<Row> => {
      const { id: group } = await loadBy(load, context)
      await context.tag(wildcard('group:{group}:*', { group })) // before the read that it covers
      return loadBy(load, context)
    }
    return this.cache.get(keys.late.of({ id }), late, options)
  }

  async invalidate(_id: number, _by: unknown, visible = true): Promise<void> {
    // without the commit being visible its watermark has to wait, and its fence does not
    if (!visible) return eventually(() => this.#heard > this.#calm, true)
    await this.watch.applied()
    await delay(100) // until memories have heard
    this.#calm = this.#heard
  }

  async close(): Promise<void> {
    await Promise.all([this.cache.close(), this.watch.close()])
  }
}

const keyOf = (id: number, by: 'key' | 'tag'): TypedKey<Row, unknown> =>
  by === 'key' ? keys.byKey.of({ id }) : keys.byTag.of({ group: id, id })

const loadBy = (load: Load, { source }: LoadContext): Promise<Row> => load(source === 'standby' ? 'standby' : 'primary')
