import { SHARDS } from '@freshet/cache-keys'
import { cursorOfAll, holds, isOfLineage, leastApplied, type AppliedWatermark, type Speaker } from '@freshet/coherence'
import { call, type Command } from './connection.js'
import type { AppliedMark, Cursor, CursorMove } from './fence-store.js'
import type { Keys, Place } from './keys.js'
import { UNKNOWN, placeOf, watermarksOf, type Fields, type Ledger, type Run, type TopicPartition } from './ledger.js'
import { hashReply } from './replies.js'
import { expectAppliedScript, moveCursorsScript, moveInScript, noteAppliedScript, type Script } from './scripts.js'
import { formatApplied, formatCursor, parseCursor } from './state-codec.js'
import { everyPlace, everyShard, homeText, type Home, type Master, type Topology } from './topology.js'

/** As long as a session may still be about to believe a home that was left. */
const LEFT_TTL_MS = 60_000

/** What is known when a session begins. */
interface Found {
  /** By place: the home that speaks for it. */
  readonly spokenFor: ReadonlyMap<Place, string | null>
  /** What each home that speaks says of the partitions; undefined for one that says nothing. */
  readonly homes: ReadonlyMap<string, Known | undefined>
}

/** A home as it was found: cursors by `topic/partition`, as text. */
type Known = Omit<Speaker<Cursor>, 'cursor'> & { readonly cursors: Fields }

/**
 * On a Cluster parts fail over, and move, apart from each other. So each master has a home in one of its own slots, with a
 * cursor of each partition, and each place says which home speaks for it: a cursor there is behind nothing that is missing in
 * that place. The cursor of a partition is the lowest of all homes that speak (R13).
 *
 * - A home is believed only by the history that it was written in (`holds`): it may have come from another master with its
 *   slot, or have stayed behind it.
 * - A place that no believed home speaks for is lost history: no cursor, which is a gap (R9).
 * - A shard that another master's home speaks for has arrived from there (`arrivedShards`), and is fenced before it is named
 *   anew.
 * - New homes are written before they are named, the old stay for a while: a session that dies in between, and one that reads
 *   meanwhile, find the old ones or the new.
 */
export class HomeLedger implements Ledger {
  private moved: Promise<void> | undefined

  constructor(
    private readonly topology: Topology,
    private readonly keys: Keys,
    private readonly run: Run,
  ) {}

  async cursors(topic: string): Promise<ReadonlyMap<number, Cursor>> {
    const cursors = new Map<number, Cursor>()
    for (const [place, cursor] of lowest(await this.find())) {
      const slash = place.lastIndexOf('/')
      if (place.slice(0, slash) === topic) cursors.set(Number(place.slice(slash + 1)), cursor)
    }
    return cursors
  }

  async arrivedShards(): Promise<readonly number[]> {
    const { spokenFor, homes } = await this.find()
    return everyShard.filter((shard) => {
      const known = homes.get(spokenFor.get(shard) ?? '')
      const { lineage } = this.topology.masterOf(shard)
      return known !== undefined && lineage !== undefined && !isOfLineage(lineage, known.written)
    })
  }

  async moveCursors(moves: readonly CursorMove[]): Promise<void> {
    await (this.moved ??= this.moveIn())
    const fields = moves.flatMap((move) => [placeOf(move), formatCursor(move.cursor)])
    await this.everywhere('move cursors', (master, home) => this.inHome(moveCursorsScript, master, home, fields))
  }

  async appliedWatermarks(): Promise<ReadonlyMap<string, AppliedWatermark | undefined>> {
    const replies = await this.everywhere('read applied watermarks', (_, home) => [
      'hgetall',
      this.keys.applied(home.place),
    ])
    const marks = this.topology.masters.map(({ home }, at) => watermarksOf(marksOf(home, hashReply(replies[at]))))
    const places = new Set(marks.flatMap((each) => [...each.keys()]))
    return new Map(Array.from(places, (place) => [place, leastApplied(marks.map((each) => each.get(place)))]))
  }

  async expectApplied(partitions: readonly TopicPartition[]): Promise<void> {
    const fields = partitions.flatMap((partition) => [placeOf(partition), UNKNOWN])
    await this.everywhere('expect watermarks', (_, home) => this.ofHome(expectAppliedScript, home, fields))
  }

  async noteApplied(marks: readonly AppliedMark[]): Promise<void> {
    await (this.moved ??= this.moveIn())
    const fields = marks.flatMap((mark) => [placeOf(mark), formatApplied(mark.watermark)])
    await this.everywhere('note applied watermarks', (_, home) => this.ofHome(noteAppliedScript, home, fields))
  }

  async forgetApplied(places: readonly string[]): Promise<void> {
    if (places.length === 0) return
    await this.everywhere('forget applied watermarks', (_, home) => ['hdel', this.keys.applied(home.place), ...places])
  }

  /** Makes the homes of this topology speak for its places, unless they do. */
  private async moveIn(): Promise<void> {
    const found = await this.find()
    const { spokenFor, homes } = found
    const misnamed = everyPlace.filter((place) => spokenFor.get(place) !== this.speakerOf(place))
    if (misnamed.length === 0 && [...homes.values()].every(isBelieved)) return
    const cursors = Array.from(lowest(found)).flatMap(([place, cursor]) => [place, formatCursor(cursor)])
    await this.everywhere('write homes', (master, home) => this.inHome(moveInScript, master, home, cursors))
    await this.run(
      'name homes',
      misnamed.map((place) => this.at(place, ['set', this.keys.spokenFor(place), this.speakerOf(place)])),
    )
    const present = new Set(everyPlace.map((place) => this.speakerOf(place)))
    const left = [...homes.keys()].filter((text) => !present.has(text)).map(parseHome)
    await this.run(
      'leave homes',
      left.map((home) => this.at(home.place, ['pexpire', this.keys.home(home), LEFT_TTL_MS])),
    )
  }

  private async find(): Promise<Found> {
    const texts = await this.run(
      'ask which homes speak',
      everyPlace.map((place) => this.at(place, ['get', this.keys.spokenFor(place)])),
    )
    const spokenFor = new Map(everyPlace.map((place, at) => [place, speaker(texts[at])]))
    const named = [...new Set(spokenFor.values())].filter((text) => text !== null)
    const replies = await this.run(
      'read cursors',
      named.map(parseHome).map((home) => this.at(home.place, ['hgetall', this.keys.home(home)])),
    )
    return { spokenFor, homes: new Map(named.map((text, at) => [text, this.known(text, hashReply(replies[at]))])) }
  }

  private known(text: string, { id, offset, ...cursors }: Fields): Known | undefined {
    if (id === undefined) return undefined
    const { lineage } = this.topology.masterOf(parseHome(text).place)
    return { lineage, written: { id, offset: BigInt(offset ?? 0) }, cursors }
  }

  private speakerOf(place: Place): string {
    const { home } = this.topology.masterOf(place)
    return (home && homeText(home)) ?? ''
  }

  private at(place: Place, command: Command): { master: Master; command: Command } {
    return { master: this.topology.masterOf(place), command }
  }

  private everywhere(operation: string, command: (master: Master, home: Home) => Command): Promise<unknown[]> {
    return this.run(
      operation,
      this.topology.masters.flatMap((master) =>
        master.home ? [{ master, command: command(master, master.home) }] : [],
      ),
    )
  }

  private inHome(
    script: Script,
    { lineage }: Master,
    { place, digest = '' }: Home,
    fields: readonly string[],
  ): Command {
    return call(script, this.keys.home({ place, digest }), lineage?.id ?? '', ...fields)
  }

  private ofHome(script: Script, home: Home, fields: readonly string[]): Command {
    return call(script, this.keys.applied(home.place), homeText(home) ?? '', ...fields)
  }
}

/** The watermarks in a hash that are this home's: none, if it is another's. */
export function marksOf(home: Home | undefined, fields: Fields): Fields {
  if (home === undefined) return fields
  const { home: whose, ...marks } = fields
  return whose !== undefined && whose === homeText(home) ? marks : {}
}

const isBelieved = (known: Known | undefined): boolean =>
  known?.lineage !== undefined && holds(known.lineage, known.written)

/** By `topic/partition`, where it may be read on from; none where some place has no home that is believed and knows. */
function lowest({ spokenFor, homes }: Found): ReadonlyMap<string, Cursor> {
  const speakers = [...new Set(spokenFor.values())].map((text) => homes.get(text ?? ''))
  const found = new Map<string, Cursor>()
  for (const place of Object.keys(speakers[0]?.cursors ?? {})) {
    const cursor = cursorOfAll(
      speakers.map((known) => known && { ...known, cursor: parseCursor(known.cursors[place] ?? '') }),
    )
    if (cursor) found.set(place, cursor)
  }
  return found
}

/** What else may stand there names nobody. */
const speaker = (text: unknown): string | null =>
  typeof text === 'string' && /^(\d{1,4}|namespace):[\da-f]+$/.test(text) && isPlace(parseHome(text).place)
    ? text
    : null

const isPlace = (place: Place): boolean => place === 'namespace' || place < SHARDS

function parseHome(text: string): { place: Place; digest: string } {
  const [place = '', digest = ''] = text.split(':')
  return { place: place === 'namespace' ? place : Number(place), digest }
}
