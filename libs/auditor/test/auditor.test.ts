import { key, type TypedKey } from '@freshet/catalog'
import { expect, it, onTestFinished } from 'vitest'
import { Auditor, tableOf, type AuditedLayer, type AuditOccurrence, type Seen, type Truth } from '@freshet/auditor'

const balance = key('member:{id}:balance', { ttl: '1h' })
const idOf = ({ parameters }: TypedKey): string => String((parameters as { id: unknown }).id)

/** One layer and a database, in this test's hands. */
class Scene {
  readonly held = new Map<string, Seen | Error>()
  readonly rows = new Map<string, Truth>()
  readonly occurrences: AuditOccurrence[] = []
  readonly auditor: Auditor
  /** What happens between a key's first look and its next. */
  afterLook: () => unknown = () => undefined
  #toSample: string[] = []

  constructor(recheckAfterMs: readonly number[] = [20, 60]) {
    const layer: AuditedLayer = {
      name: 'l2',
      keys: () => this.#toSample.splice(0).map((id) => ({ ...balance.of({ id }), template: 'balance' })),
      read: async (of) => {
        const held = this.held.get(idOf(of))
        if (held instanceof Error) throw held
        return held
      },
    }
    this.auditor = new Auditor({
      layers: [layer],
      truth: async (of) => this.rows.get(idOf(of)) ?? { encoded: 'null' },
      keysPerSecond: 2_000,
      recheckAfterMs,
      report: (occurrence) => {
        this.occurrences.push(occurrence)
        if (occurrence.type === 'audit:compared') this.afterLook()
      },
    })
    onTestFinished(async () => void (await this.auditor.stop()))
  }

  holds(id: string, encoded: string, loadedAtMs = 1): void {
    this.held.set(id, { encoded, loadedAtMs })
  }

  /** Resolves once each has been looked at. */
  async sampled(...ids: readonly string[]): Promise<void> {
    const before = this.compared
    this.#toSample.push(...ids)
    await expect.poll(() => this.compared).toBe(before + ids.length)
  }

  get row() {
    return this.auditor.table.at('l2', 'balance')
  }

  private get compared(): number {
    return this.occurrences.filter(({ type }) => type === 'audit:compared').length
  }
}

it('values that are what the database holds are consistent', async () => {
  const scene = new Scene()
  scene.rows.set('1', { encoded: '{"amount":50}' })
  scene.holds('1', '{"amount":50}')
  await scene.sampled('1', '1', '2')
  expect(await scene.auditor.stop()).toMatchObject({ rows: [{ reads: 2, wrong: 0, misses: 1 }] })
})

it('a value that stays wrong is stale at every look', async () => {
  const scene = new Scene()
  scene.rows.set('1', { encoded: '70' })
  scene.holds('1', '50')
  await scene.sampled('1', '1')
  const table = await scene.auditor.stop()
  expect(table).toMatchObject({ rows: [{ reads: 2, wrong: 2 }] })
  expect([table.staleAfter(20), table.staleAfter(60)]).toEqual([2, 2])
  expect(scene.occurrences).toContainEqual(
    expect.objectContaining({ type: 'audit:stale', layer: 'l2', template: 'balance', afterMs: 60 }),
  )
})

it('a change that was on its way when the layer was read is not stale later', async () => {
  const scene = new Scene([40])
  scene.rows.set('1', { encoded: '70' })
  scene.holds('1', '50')
  scene.afterLook = () => scene.held.delete('1') // the fence has arrived
  await scene.sampled('1')
  expect((await scene.auditor.stop()).staleAfter(40)).toBe(0)
  expect(scene.row.wrong).toBe(1)
})

it('a wrong value that another wrong one takes the place of is followed anew', async () => {
  const scene = new Scene([50])
  scene.rows.set('1', { encoded: '70' })
  scene.holds('1', '50')
  scene.afterLook = () => scene.holds('1', '60', 2)
  await scene.sampled('1')
  expect((await scene.auditor.stop()).staleAfter(50)).toBe(1)
  expect(scene.row.wrong).toBe(2)
})

it('a layer that is silent at the second look is asked until it answers', async () => {
  const scene = new Scene([30])
  scene.rows.set('1', { encoded: '70' })
  scene.holds('1', '50')
  scene.afterLook = () => scene.held.set('1', new Error('away'))
  await scene.sampled('1')
  const ended = scene.auditor.stop()
  await expect.poll(() => scene.occurrences.some(({ type }) => type === 'audit:failed')).toBe(true)
  scene.holds('1', '50')
  expect((await ended).staleAfter(30)).toBe(1)
})

it('without a truth the first look stands: what was wrong and is still served is stale', async () => {
  const scene = new Scene([30])
  scene.rows.set('1', { encoded: '70' })
  scene.holds('1', '50')
  scene.afterLook = () => scene.rows.set('1', { excluded: 'load-failed' })
  await scene.sampled('1')
  expect((await scene.auditor.stop()).staleAfter(30)).toBe(1)
})

it('what cannot be judged is counted apart, by why', async () => {
  const scene = new Scene()
  scene.holds('1', '50')
  scene.rows.set('1', { excluded: 'not-deterministic' })
  scene.holds('2', '50')
  scene.rows.set('2', { excluded: 'load-failed', error: new Error('no such table') })
  scene.held.set('3', new Error('away'))
  await scene.sampled('1', '2', '2', '3')
  const { head, rows } = tableOf(await scene.auditor.stop())
  expect(scene.row.reads).toBe(0)
  expect(head.at(-1)).toBe('not judged')
  expect(rows[0]?.at(-1)).toBe('not-deterministic 1, load-failed 2, no answer 1')
  expect(scene.occurrences).toContainEqual(expect.objectContaining({ what: 'a load of balance' }))
})

it('can be ended without following what is open', async () => {
  const scene = new Scene([3_600_000])
  scene.rows.set('1', { encoded: '70' })
  scene.holds('1', '50')
  await scene.sampled('1')
  expect(scene.auditor.open).toBe(1)
  await scene.auditor.stop({ follow: false })
  expect(scene.auditor.open).toBe(0)
})
