import { isTemplateTag } from '@freshet/cache-keys'
import type { Catalog } from '@freshet/catalog'
import { decodeOrSkip, topics, type AppliedBatch, type GapCause, type InvalidationRecord } from '@freshet/events'
import type { IncomingRecord, KafkaPort, Place } from '@freshet/kafka'
import { isoOf, seenCommit, type SeenCommit } from '../watch/seen-fence.js'
import { findFencingChange, type FencingChange } from './fencing-change.js'
import { placesOf, readFrom, type ReadBack } from './read-back.js'

/** A tag of a key, where it lies. */
export interface PlacedTag {
  readonly tag: string
  readonly shard: number
}

/** A key whose history is asked for: its template, and all tags that its value is fresh under. */
export interface KeyOfInterest {
  readonly owner: string
  readonly template: string
  readonly key: string
  readonly tags: readonly PlacedTag[]
}

/** What happened to a key lately. Times as ISO 8601. */
export interface KeyHistory {
  /** What was before is no longer kept, and not known. */
  readonly knownSince: string
  /** Left out: nothing fenced it since. */
  readonly lastFence?: LastFence
  /** The refresh that the warmer was asked for last; left out where it was not. */
  readonly refresh?: AskedRefresh
}

/** What fenced a key last. */
export interface LastFence {
  readonly tag: string
  readonly cause: InvalidationRecord['cause']
  readonly gap?: GapCause
  /** Where the change stands that fenced it: the records of one partition from `from` on and before `to`. */
  readonly batch?: { readonly topic: string; readonly partition: number; readonly from: string; readonly to: string }
  /**
   * Which of them it is. Left out where no change is the cause, and where it cannot be told: its record is no longer kept, the
   * catalogs have changed since, or others write the topic.
   */
  readonly change?: FencingChange
  readonly hops: Hops
}

/** When the change came where: by the clocks of the database, the listener, and the invalidation service. */
export interface Hops {
  readonly committed?: string
  /** The listener had read it, and sent it to Kafka. */
  readonly sent?: string
  /** The invalidation service had read it from Kafka. */
  readonly read?: string
  /** Redis had ended its generation. */
  readonly fenced: string
  /** All processes were told. */
  readonly published: string
}

/** A refresh that the warmer was asked for: it begins at `notBefore`, and is given up after `deadline`. */
export interface AskedRefresh {
  readonly askedAt: string
  readonly notBefore: string
  readonly deadline: string
  readonly priority: number
}

/** `invalidations.v1` is kept so long. */
const keptMs = 3_600_000

interface Announced {
  readonly record: InvalidationRecord
  readonly publishedMs: number
}

/**
 * Reads back what the services have published of some keys in the last hour, in the order of the keys. Nothing is asked of
 * them, and nothing of it is written anywhere else.
 *
 * Throws ReadBackTimeoutError, and KafkaUnreachableError.
 */
export async function readHistory(
  back: ReadBack & { readonly topicPrefix: string; readonly onOther?: ReadBeside },
  catalogs: readonly Catalog[],
  keys: readonly KeyOfInterest[],
  nowMs = Date.now(),
): Promise<readonly KeyHistory[]> {
  const { kafka, topicPrefix, onOther } = back
  const names = topics(topicPrefix)
  const sinceMs = nowMs - keptMs
  const shards = [...new Set(keys.flatMap(({ tags }) => tags.map(({ shard }) => String(shard))))]
  const fenced = await placesOf(kafka, names.invalidations, sinceMs, [...shards, 'all'])
  const asked = await placesOf(
    kafka,
    names.warmRequests,
    sinceMs,
    keys.map(({ key }) => key),
  )
  const others = onOther ? await placesOf(kafka, onOther.topic, onOther.sinceMs, 'any') : []
  const begin = new Beginning(sinceMs, await lowest(kafka, fenced), fenced)
  const lasts = keys.map((key) => new LastOf(key))
  await readFrom(back, [...fenced, ...asked, ...others], (record) => {
    if (record.topic === onOther?.topic) onOther.onRecord(record)
    else if (record.topic === names.warmRequests) for (const last of lasts) last.takeRequest(record)
    else {
      begin.take(record)
      for (const last of lasts) last.takeFence(record)
    }
  })
  const knownSince = isoOf(begin.knownSinceMs)
  return Promise.all(
    lasts.map(async ({ key, fence, refresh }): Promise<KeyHistory> => ({
      knownSince,
      ...(fence && { lastFence: await lastFence(back, catalogs, key, fence) }),
      ...(refresh && { refresh }),
    })),
  )
}

/** Another topic that is read in the same go. */
export interface ReadBeside {
  readonly topic: string
  readonly sinceMs: number
  readonly onRecord: (record: IncomingRecord) => void
}

async function lastFence(
  back: ReadBack,
  catalogs: readonly Catalog[],
  { tags }: KeyOfInterest,
  { record, publishedMs }: Announced,
): Promise<LastFence> {
  const { cause, gap, batch, commit, fencedAt } = record
  const found = batch && (await findFencingChange(back, catalogs, batch, tags))
  const isOnly = batch !== undefined && batch.to - batch.from === 1n
  return {
    tag: found?.tag ?? tags.find((tag) => isIn(record, tag))?.tag ?? '',
    cause,
    ...(gap && { gap }),
    ...(batch && { batch: placeOf(batch) }),
    ...(found && { change: found.change }),
    hops: {
      ...(found
        ? { committed: found.change.commit.at, sent: isoOf(found.sentMs) }
        : isOnly && commit && committedAt(commit)),
      ...(batch && { read: isoOf(batch.readAt) }),
      fenced: isoOf(fencedAt),
      published: isoOf(publishedMs),
    },
  }
}

const placeOf = ({ topic, partition, from, to }: AppliedBatch): NonNullable<LastFence['batch']> => ({
  topic,
  partition,
  from: String(from),
  to: String(to),
})

const committedAt = (commit: Parameters<typeof seenCommit>[0]): { committed: SeenCommit['at'] } => ({
  committed: seenCommit(commit).at,
})

/** The last of what concerns one key, record by record. */
class LastOf {
  fence: Announced | undefined
  refresh: AskedRefresh | undefined
  readonly #texts: readonly Buffer[]
  readonly #keyText: Buffer

  constructor(readonly key: KeyOfInterest) {
    // as JSON has them: a record that holds none of them is not even parsed
    this.#texts = key.tags.map(({ tag }) => Buffer.from(JSON.stringify(tag)))
    this.#keyText = Buffer.from(key.key)
  }

  takeFence({ value, topic, timestampMs }: IncomingRecord): void {
    if (value === null || !this.#texts.some((text) => value.includes(text))) return
    const record = decodeOrSkip(value, topic)
    if (record.kind !== 'invalidation' || !this.key.tags.some((tag) => isIn(record, tag))) return
    if (this.fence && this.fence.record.fencedAt > record.fencedAt) return
    this.fence = { record, publishedMs: timestampMs }
  }

  takeRequest({ key, value, topic, timestampMs }: IncomingRecord): void {
    if (!key?.equals(this.#keyText)) return
    const record = decodeOrSkip(value, topic)
    if (record.kind !== 'warm-request') return
    const { owner, template, notBefore, deadline, priority } = record
    if (owner !== this.key.owner || template !== this.key.template) return
    this.refresh = { askedAt: isoOf(timestampMs), notBefore: isoOf(notBefore), deadline: isoOf(deadline), priority }
  }
}

/** Does the record fence this very tag? That of a template lies in every shard, and may be fenced in one alone. */
const isIn = ({ tags, shard }: InvalidationRecord, wanted: PlacedTag): boolean =>
  tags.includes(wanted.tag) && (shard === wanted.shard || (shard === 'all' && isTemplateTag(wanted.tag)))

/** Since when all is known: for as long as records are kept, or where the broker has let go of some earlier, since its first. */
class Beginning {
  readonly #firsts = new Map<number, number>()
  readonly #cut: ReadonlySet<number>

  constructor(
    private readonly sinceMs: number,
    lows: ReadonlyMap<number, bigint>,
    places: readonly Place[],
  ) {
    const cut = places.filter(({ partition, offset }) => offset > 0n && offset === lows.get(partition))
    this.#cut = new Set(cut.map(({ partition }) => partition))
  }

  take({ partition, timestampMs }: IncomingRecord): void {
    if (this.#cut.has(partition) && !this.#firsts.has(partition)) this.#firsts.set(partition, timestampMs)
  }

  get knownSinceMs(): number {
    return Math.max(this.sinceMs, ...this.#firsts.values())
  }
}

async function lowest(kafka: KafkaPort, places: readonly Place[]): Promise<ReadonlyMap<number, bigint>> {
  const [first] = places
  if (!first) return new Map()
  return new Map((await kafka.admin.offsets(first.topic)).map(({ partition, low }) => [partition, low]))
}
