import {
  entriesOfRotation,
  entriesToAsk,
  isServableStale,
  windowsToOpen,
  type FetchedGenerations,
  type Rotation,
  type ShardTag,
  type WindowEntry,
} from '../../src/index.js'
import type { Key } from './keys.js'
import type { Place, Stored } from './place.js'
import type { Step, World } from './world.js'

/** Of a key's template; 0: strict. */
export const windowOf = ({ features, catalogs }: World, key: Key): number =>
  features.windows[catalogs.keysOf(key.catalog).indexOf(key)] ?? 0

/** One script: the generation ends, and leaves its entries behind. In parts and apart only where that is left out. */
export function* rotateTag(world: World, place: () => Place, tag: ShardTag, rotation: Rotation): Generator<Step, void> {
  const { without } = world
  const generation = place().generations.get(tag.tag)
  if (without === 'a window is opened for a generation that was read before') yield 'generation read'
  if (without === 'a window is opened once the generation has ended') {
    end(world, place(), tag, rotation, generation)
    yield 'generation ended'
  }
  openWindows(world, place(), tag, rotation, generation)
  end(world, place(), tag, rotation, generation)
}

function openWindows(
  world: World,
  { entries }: Place,
  tag: ShardTag,
  rotation: Rotation,
  generation: string | undefined,
): void {
  const { without, now, features } = world
  if (features.windows.length === 0) return
  const opening = { ...rotation }
  if (without === 'any rotation opens a window') opening.cause = 'change'
  if (without === 'a window is opened by records from before the session') opening.isRepeat = false
  const windows = windowsToOpen(opening, windowsOfHotKeys(world, tag))
  for (const { entry, pxMs } of entriesOfRotation(tag.tag, generation, windows)) entries.set(entry, now + pxMs)
}

function end(
  { ended, now, redis, catalogs, without }: World,
  { generations }: Place,
  { tag }: ShardTag,
  { cause }: Rotation,
  generation: string | undefined,
): void {
  // on a Cluster a template's gets a successor, which goes with its shard and replaces what is left of it elsewhere
  const isReplaced = redis.isCluster && !deletesTemplates(without)
  if (isReplaced && catalogs.isTemplate(tag)) generations.set(tag, redis.newName())
  else generations.delete(tag)
  if (generation === undefined) return
  const ends = ended.get(generation) ?? []
  ended.set(generation, ends)
  ends.push({ at: now, byChange: cause === 'change' })
}

const deletesTemplates = (without: World['without']): boolean =>
  without === "a template's generation only ends, on a Cluster too" ||
  without === 'what a slot finds where it comes back is believed'

/** Now and then a key is hot. */
function windowsOfHotKeys(world: World, { tag, shard }: ShardTag): number[] {
  const covered = world.catalogs.keys.filter(({ tags }) =>
    tags.some((each) => each.tag === tag && each.shard === shard),
  )
  return covered.flatMap((key) => (world.random.onceIn(4) ? [] : [windowOf(world, key)]))
}

/** A value that is not fresh. `open`: windows of its shard, by their entries, where they came with it. */
export interface Old {
  readonly stored: Stored
  readonly fetched: FetchedGenerations
  readonly open: { readonly found: ReadonlyMap<string, boolean>; readonly askedAt: number } | undefined
}

/** Which windows of the value's shard are open in this very moment. */
export function openWith(
  world: World,
  key: Key,
  { header: { x: _x, ...own } }: Stored,
  required: FetchedGenerations['required'],
): Old['open'] {
  const asked = entriesToAsk(own, key.tags, { required }, { windowMs: windowOf(world, key) })
  return asked && { found: new Map(asked.map((each) => [each.entry, isOpen(world, each)])), askedAt: world.now }
}

const isOpen = ({ redis, now }: World, { shard, entry }: WindowEntry): boolean =>
  (redis.place(shard).entries.get(entry) ?? 0) > now

/** What a reader with no token may still have of a value that is not fresh. */
export function* staleWithin(
  world: World,
  key: Key,
  { stored, fetched, open }: Old,
  request: { readonly fresh: boolean; readonly insideLoad: boolean },
): Generator<Step, boolean> {
  const windowMs = windowOf(world, key)
  const asked = entriesToAsk(stored.header, key.tags, fetched, { ...request, windowMs })
  if (asked === undefined) return false
  const known =
    open && asked.every(({ entry, shard }) => shard === key.shard && open.found.has(entry)) ? open : undefined
  const found: boolean[] = []
  const askedAt = known?.askedAt ?? world.now // what is decided then is decided, however late the answer
  for (const each of asked) {
    found.push(known?.found.get(each.entry) ?? isOpen(world, each))
    if (!known) yield 'entry asked for'
  }
  const isFound = world.without === 'a window of one tag is enough' ? found.map(() => found.includes(true)) : found
  if (!isServableStale(asked, isFound)) return false
  judge(world, key, stored, fetched, askedAt)
  return true
}

/**
 * No value outlives the first fence of any of its generations by more than its window, and none a gap. What ended before the
 * value was filled says nothing: a failover can bring a generation back, and a load fill under it.
 */
function judge(world: World, key: Key, { header, since }: Stored, fetched: FetchedGenerations, askedAt: number): void {
  const windowMs = windowOf(world, key)
  const current = [...fetched.required, ...(fetched.further?.values() ?? [])]
  const captured = [...header.g, ...(header.x ?? []).map(([, , generation]) => generation)]
  for (const [at, generation] of captured.entries()) {
    if (current[at] === generation) continue
    const ends = (world.ended.get(generation) ?? []).filter((end) => end.at >= (since.get(generation) ?? 0))
    const [first] = ends
    const isByChanges = ends.every(({ byChange }) => byChange)
    if (first && isByChanges && askedAt - first.at <= windowMs) continue
    const why = !first
      ? 'though it was never fenced'
      : isByChanges
        ? `${askedAt - first.at} turns after its fence`
        : 'after a gap or a fence of its template'
    world.violations.push(`window of ${windowMs}: ${key.physical} is served ${why}`)
  }
}
