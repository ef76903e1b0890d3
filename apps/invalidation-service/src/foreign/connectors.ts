import type { ForeignTopic } from '@freshet/catalog'
import type { KafkaPort, TopicPartition } from '@freshet/kafka'
import type { Lsn } from '@freshet/pgoutput'
import type { FenceSession } from '@freshet/redis'
import type { Occurrences } from '@freshet/service-kit'
import { exhaustMap, interval, Subject, takeUntil } from 'rxjs'
import type { CatalogDirectory } from '../catalogs/catalog-directory.js'
import type { Gaps } from '../gaps/gaps.js'
import type { InvalidationOccurrences } from '../occurrences.js'
import type { Partitions } from '../partitions/partitions.js'
import type { AppliedWatermarks } from '../watermarks/applied-watermarks.js'
import { hasConfirmed, mayHaveLost, sightOf, type ConnectorMode, type Ends, type SlotSight } from './connector.js'
import type { ForeignDatabase } from './foreign-database.js'

const everyMs = 250
/** After a failure: of the database, say, which is not to be asked, and told of, four times a second. */
const restMs = 1_000

interface Connector {
  mode: ConnectorMode
  sight: SlotSight
  /** Whatever was committed up to here is fenced: the insert position of the last watermark, or where the log began at the last gap. */
  closed: Lsn | undefined
}

/** Looks at the slots of connectors: closes watermarks for their topics, and makes a gap of a slot that may have lost changes. */
export class Connectors {
  private readonly bySlot = new Map<string, Connector>()
  private readonly stopped = new Subject<void>()
  private running: Promise<void> = Promise.resolve()
  private restUntilMs = 0

  constructor(
    private readonly parts: {
      readonly directory: CatalogDirectory
      readonly database: ForeignDatabase
      readonly kafka: KafkaPort
      readonly partitions: Partitions
      readonly gaps: Gaps
      readonly applied: AppliedWatermarks
      readonly occurrences: Occurrences<InvalidationOccurrences>
    },
  ) {}

  start(): void {
    interval(everyMs)
      .pipe(
        takeUntil(this.stopped),
        exhaustMap(() => (this.running = this.round())),
      )
      .subscribe()
  }

  /** Resolves once the present round has ended. */
  async stop(): Promise<void> {
    this.stopped.next()
    await this.running
  }

  private async round(): Promise<void> {
    if (performance.now() < this.restUntilMs) return
    for (const [slot, topics] of slotsOf(this.parts.directory.foreign.values())) {
      try {
        await this.look(slot, topics)
      } catch (error) {
        this.parts.occurrences.emit('upkeep:failed', { step: `connector of slot ${slot}`, error })
        this.restUntilMs = performance.now() + restMs
      }
    }
  }

  private async look(name: string, topics: readonly string[]): Promise<void> {
    const { partitions, database, gaps, directory, kafka } = this.parts
    const places = topics.flatMap((topic) =>
      [...partitions.offsetsOf(topic).keys()].map((partition) => ({ topic, partition })),
    )
    if (places.length === 0) return // other instances have them
    const session = partitions.openSession()
    const known = this.bySlot.get(name) ?? (await firstSight(session, places))
    this.bySlot.set(name, known)
    if (known.mode.at === 'resting') {
      const taken = await database.snapshot()
      if (taken.inRecovery) return // no primary, no watermark
      known.mode = { at: 'open', taken }
    }
    const slot = await database.slot(name) // behind the snapshot
    const sight = sightOf(slot)
    if (slot === undefined || sight.state === 'missing') {
      if (known.sight.state !== 'missing') this.parts.occurrences.emit('connector:missing', { slot: name })
      known.sight = sight
      known.mode = { at: 'resting' }
      return
    }
    if (mayHaveLost(known.sight, slot, known.closed)) {
      for (const topic of topics) await gaps.apply(session, 'slot-lost', topic, directory.templatesOf(topic))
      known.mode = { at: 'resting' }
      known.sight = sight
      known.closed = slot.restartLsn
      return
    }
    known.sight = sight
    if (known.mode.at === 'open' && hasConfirmed(slot, known.mode.taken))
      known.mode = { at: 'confirmed', taken: known.mode.taken, ends: await endsOf(kafka, topics) }
    if (known.mode.at === 'confirmed') await this.close(session, known, known.mode)
  }

  /** Notes the watermark once every partition that is assigned here has come to where its topic ended. */
  private async close(
    session: FenceSession,
    known: Connector,
    { taken, ends }: Extract<ConnectorMode, { at: 'confirmed' }>,
  ): Promise<void> {
    const { partitions, applied } = this.parts
    const all = [...ends].flatMap(([topic, lasts]) => [...lasts.keys()].map((partition) => ({ topic, partition })))
    await session.expectApplied(all) // nobody may read one yet that was added
    const places: TopicPartition[] = []
    for (const [topic, lasts] of ends)
      for (const [partition, offset] of partitions.offsetsOf(topic))
        if (offset >= (lasts.get(partition) ?? 0n)) places.push({ topic, partition })
        else return
    const { insertLsn, databaseTimeMs, ...rest } = taken
    if (places.length > 0)
      await applied.note(session, places, { ...rest, lsn: insertLsn, databaseTime: databaseTimeMs })
    known.closed = insertLsn
    known.mode = { at: 'resting' }
  }
}

/** The slots of topics with full strength, each with its topics. */
function slotsOf(topics: Iterable<ForeignTopic>): ReadonlyMap<string, readonly string[]> {
  const bySlot = new Map<string, Set<string>>()
  for (const { topic, strength, sources } of topics) {
    if (strength !== 'full') continue
    for (const source of sources) {
      const slot = source.kind === 'debezium' ? source.from.slot : undefined
      if (slot !== undefined) bySlot.set(slot, (bySlot.get(slot) ?? new Set()).add(topic))
    }
  }
  return new Map([...bySlot].map(([slot, of]) => [slot, [...of]]))
}

/** What Redis knows of the time before this process. */
async function firstSight(session: FenceSession, places: readonly TopicPartition[]): Promise<Connector> {
  const marks = await session.appliedWatermarks()
  const closed = places.map(({ topic, partition }) => marks.get(`${topic}/${partition}`)?.lsn)
  const least = closed.reduce((low, at) => (low === undefined || at === undefined ? undefined : at < low ? at : low))
  return { mode: { at: 'resting' }, sight: { state: 'never' }, closed: least }
}

async function endsOf(kafka: KafkaPort, topics: readonly string[]): Promise<Ends> {
  const ends = new Map<string, ReadonlyMap<number, bigint>>()
  for (const topic of topics) {
    const logs = await kafka.admin.offsets(topic)
    ends.set(topic, new Map(logs.map(({ partition, high }) => [partition, high])))
  }
  return ends
}
