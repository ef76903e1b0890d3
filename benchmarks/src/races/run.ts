import { setTimeout as delay } from 'node:timers/promises'
import { TcpProxy } from '@freshet/testing/live'
import { cases, type Case, type Scene } from './cases.js'
import type { Layers, Library } from './library.js'
import type { Rows } from './rows.js'

/** `fresh`: every process shows the change, in every round. */
export type Verdict = 'fresh' | 'stale' | 'n/a'

export interface Outcome {
  readonly library: string
  readonly layers: Layers
  readonly name: string
  readonly verdict: Verdict
  /** Rounds in which some process still showed the old version. */
  readonly stale: number
  readonly rounds: number
}

/** A calm fill was not stored, or not served: what the library shows in the races would say nothing. */
export class NotCachingError extends Error {
  constructor(library: string, name: string, loads: number) {
    super(`${library}, "${name}": a calm value was loaded ${loads} times for 2 reads; nothing is cached here`)
  }
}

/** Time for what libraries tell each other to arrive. */
const SETTLE_MS = 300

/** Plays every case with one library. */
export async function runLibrary(
  library: Library,
  rows: Rows,
  redisUrl: string,
  rounds: number,
  onOutcome: (outcome: Outcome) => void,
): Promise<void> {
  for (const layers of ['l1', 'l1+l2'] as const) {
    const scene = await openScene(library, rows, layers, redisUrl)
    try {
      for (const each of cases) {
        if (each.layers !== layers) continue
        onOutcome(await play(each, scene, rounds))
      }
    } finally {
      await Promise.all([scene.writer.close(), scene.other.close()])
      await Promise.all([scene.writerGate.close(), scene.otherGate.close()])
    }
  }
}

async function openScene(library: Library, rows: Rows, layers: Layers, redisUrl: string): Promise<Scene> {
  const name = `races-${layers.replace('+', '-')}`
  const [writerGate, otherGate] = await Promise.all([TcpProxy.before(redisUrl), TcpProxy.before(redisUrl)])
  const open = (gate: TcpProxy) => library.open({ layers, redisUrl: gate.url, busUrl: redisUrl, name })
  const [writer, other] = await Promise.all([open(writerGate), open(otherGate)])
  return { library, rows, layers, writer, other, writerGate, otherGate }
}

async function play(each: Case, scene: Scene, rounds: number): Promise<Outcome> {
  const { library, layers } = scene
  const about = { library: library.name, layers, name: each.name, rounds }
  if (each.needs && !each.needs(library)) return { ...about, verdict: 'n/a', stale: 0 }
  let stale = 0
  for (let round = 0; round < rounds; round++) {
    await calmly(each, scene)
    if (!(await isFresh(each, scene))) stale += 1
  }
  return { ...about, verdict: stale === 0 ? 'fresh' : 'stale', stale }
}

async function isFresh({ happens, by, tagIsLate = false }: Case, scene: Scene): Promise<boolean> {
  const { rows, writer, other } = scene
  const id = await rows.add()
  await happens(scene, id)
  await delay(SETTLE_MS)
  const versions: number[] = []
  for (const process of [writer, other, writer, other])
    versions.push((await process.read({ id, by, tagIsLate, load: rows.loading(id), from: 'primary' })).version)
  return versions.every((version) => version === 2)
}

/** Where nothing races, a value that was loaded is stored and served: by its own process at least. */
async function calmly({ name, by, tagIsLate = false }: Case, { library, rows, other, writer }: Scene): Promise<void> {
  const id = await rows.add()
  await writer.invalidate(id, by) // the row itself is a change
  await delay(SETTLE_MS)
  let loads = 0
  const once = async () => {
    let own = 0
    await other.read({ id, by, tagIsLate, from: 'primary', load: (from) => ((own += 1), rows.loading(id)(from)) })
    if (own > 0) loads += 1
  }
  await once()
  await once()
  if (loads !== 1) throw new NotCachingError(library.name, name, loads)
}
