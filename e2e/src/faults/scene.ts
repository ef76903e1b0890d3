import { nines, type AuditRow, type AuditTable } from '@freshet/auditor'
import { checkLayer, startSystem, type LayerVerdict, type System, type SystemOptions } from '@freshet/demo'
import pg from 'pg'
import { expect, onTestFailed } from 'vitest'
import { AppliedWatch, eventually } from '@freshet/testing/live'
import { auditSystem } from '../audit/system-audit.js'
import { keepResult } from './results.js'
import { checkEverything, keysOf, underTraffic } from '../fencing/traffic.js'

const world = { members: 150, payments: 600, organizations: 3 }
const keys = keysOf(world)

/** Where writers and checkers reach the database and Redis; the services may go other ways. */
export interface Reached {
  readonly postgresUrl: string
  readonly redisUrl: string
}

/** The whole system under traffic, in which something fails. */
export class Scene {
  readonly pool: pg.Pool
  watch: AppliedWatch

  private constructor(
    readonly system: System,
    private readonly reached: Reached,
  ) {
    this.pool = new pg.Pool({ connectionString: reached.postgresUrl, max: 8 })
    this.pool.on('error', () => undefined) // the database fails below
    this.watch = new AppliedWatch(this.pool, reached.redisUrl)
  }

  static async open(options: Partial<SystemOptions> = {}, reached: Partial<Reached> = {}): Promise<Scene> {
    const system = await startSystem({
      ...world,
      ...options,
      environment: { FRESHET_DEMO: 'true', ...options.environment },
    })
    const { postgresUrl, redisUrl } = system.stack
    const scene = new Scene(system, { postgresUrl, redisUrl, ...reached })
    await scene.watch.applied(60_000)
    return scene
  }

  /** Something happens in the middle of traffic; afterwards nothing is stale in any layer, and caching goes on. */
  async survives(name: string, happens: () => Promise<void>): Promise<void> {
    onTestFailed(() => this.tellTails())
    const seed = name.length * 100
    const audit = await auditSystem(this.system, this.reached.postgresUrl)
    const commits = await this.#traffic(happens, seed)
    await this.watch.applied(90_000)
    await this.#redisIsBack()
    const first = await this.nothingIsStale()
    const held = await this.cachingGoesOn(seed + 50)
    await this.nothingIsStale()
    const table = await audit.end()
    process.stdout.write(
      `${name}: ${commits} commits; compared ${told(first)}; afterwards ${told(held)}; stale 0; ${audited(table)}\n`,
    )
    const result = { name, commits, compared: first, afterwards: held, audit: table }
    await keepResult(expect.getState().testPath ?? name, result)
    expect({ auditedAndStaleAt5s: table.rows.filter(({ stale }) => stale.get(5_000)) }).toEqual({
      auditedAndStaleAt5s: [],
    })
  }

  async nothingIsStale(): Promise<readonly LayerVerdict[]> {
    const verdicts = await checkEverything(this.system, keys, this.pool)
    for (const { layer, stale } of verdicts) expect({ layer, stale }).toEqual({ layer, stale: [] })
    return verdicts
  }

  /** Every layer comes back by itself: a memory as soon as its process hears of fences again. */
  async cachingGoesOn(seed: number): Promise<readonly LayerVerdict[]> {
    const deadline = performance.now() + 60_000
    for (;;) {
      await this.#traffic(async () => undefined, seed, 1_000)
      await this.watch.applied(30_000)
      const held = await checkEverything(this.system, keys, this.pool)
      if (held.every(({ checked }) => checked > 30)) return held
      if (performance.now() > deadline) throw new Error(`not every layer holds values again within 60 s: ${told(held)}`)
    }
  }

  /** From now on this Redis is asked how far everything is applied. */
  lookAt(redisUrl: string): void {
    const before = this.watch
    this.watch = new AppliedWatch(this.pool, redisUrl)
    void before.close()
  }

  async close(): Promise<void> {
    await this.watch.close()
    await this.pool.end()
    await this.system.stop()
  }

  /** Every instance has found its way to Redis again; its client pauses up to two seconds between attempts. */
  async #redisIsBack(): Promise<void> {
    for (const { url } of this.system.apis)
      await eventually(
        () => checkLayer(url, 'l2', keys.slice(0, 1), 0, this.pool).then(() => 'answers', String),
        'answers',
      )
  }

  /** What the services said last. */
  private tellTails(): void {
    const { listener, invalidation } = this.system.services
    for (const service of [listener, invalidation])
      process.stdout.write(`${service.name}:\n${service.logTail(40).join('\n')}\n`)
  }

  async #traffic(happens: () => Promise<void>, seed: number, durationMs?: number): Promise<number> {
    const { postgresUrl } = this.reached
    return underTraffic(this.system, world, happens, { postgresUrl, seed, ...(durationMs && { durationMs }) })
  }
}

function audited(table: AuditTable): string {
  const reads = sum(table, ({ reads }) => reads)
  const wrong = sum(table, ({ wrong }) => wrong)
  const atOnce = nines(reads, wrong)
  const after = table.staleAfter(1_000)
  return `audited ${reads}: wrong at first sight ${wrong} (${atOnce} nines), at 1 s ${after} (${nines(reads, after)}), at 5 s ${table.staleAfter(5_000)}`
}

const sum = ({ rows }: AuditTable, count: (row: AuditRow) => number): number =>
  rows.reduce((all, row) => all + count(row), 0)

const told = (verdicts: readonly LayerVerdict[]): string =>
  verdicts.map(({ layer, checked }) => `${layer} ${checked}`).join(', ')
