import type { Catalog } from '@freshet/catalog'
import { decodeOrSkip } from '@freshet/events'
import type { IncomingRecord, KafkaPort } from '@freshet/kafka'
import { describeKey, type KeyDescription } from '@freshet/planner'
import type { ValueStore } from '@freshet/redis'
import { readHistory, type KeyHistory, type KeyOfInterest } from '../history/key-history.js'
import { readCached, type CachedKey } from './cached-key.js'
import {
  accessesOf,
  ReportedReads,
  reportsTopic,
  type HotKeysSettings,
  type KeyAccesses,
  type Ranking,
} from './key-accesses.js'
import { keyUnknown } from './key-unknown-error.js'

/** All that can be said of a key: what governs it, what can fence it, and how it stands now. */
export interface ExplainedKey extends KeyDescription {
  readonly cached: CachedKey
  readonly history: KeyHistory
  readonly accesses: KeyAccesses
  /** Has the module of loaders its template? Left out where nobody asked. */
  readonly loader?: boolean
}

/** Where it is looked for. */
export interface KeySources {
  readonly catalogs: readonly Catalog[]
  readonly values: ValueStore
  readonly kafka: KafkaPort
  readonly topicPrefix: string
  readonly hotKeys: HotKeysSettings
  /** Who counts reads already; left out: the clients' reports are read. */
  readonly ranking?: Ranking | undefined
  /** The catalog of the module of loaders, if one was named. */
  readonly loaders?: Catalog | undefined
  /** How long Kafka may take for each of two readings; 30 s by default. */
  readonly withinMs?: number
}

/**
 * Explains a key, once for each template that it is a key of. Nothing is filled, fenced or counted.
 *
 * Throws KeyUnknownError, ValuesUnavailableError, KafkaUnreachableError, and ReadBackTimeoutError.
 */
export async function explainKeyNow(text: string, sources: KeySources): Promise<readonly ExplainedKey[]> {
  const { catalogs, values, kafka, topicPrefix, hotKeys, loaders, withinMs = 30_000 } = sources
  const described = describeKey(catalogs, text)
  if (described.length === 0) throw keyUnknown(text, catalogs)
  const cached = await Promise.all(described.map((each) => readCached(values, each)))
  const interests = described.map((each, at): KeyOfInterest => ({ ...each, tags: cached[at]?.tags ?? [] }))
  const reported = new ReportedReads(hotKeys)
  const onOther = sources.ranking
    ? undefined
    : {
        topic: reportsTopic(topicPrefix),
        sinceMs: Date.now() - hotKeys.windowMs,
        onRecord: ({ value, topic }: IncomingRecord) => reported.take(decodeOrSkip(value, topic)),
      }
  const histories = await readHistory(
    { kafka, topicPrefix, withinMs, ...(onOther && { onOther }) },
    catalogs,
    interests,
  )
  return described.flatMap((each, at) => {
    const [held, history] = [cached[at], histories[at]]
    if (!held || !history) return []
    return [
      {
        ...each,
        cached: held,
        history,
        accesses: accessesOf(sources.ranking ?? reported, hotKeys, each),
        ...(loaders && { loader: loaders.owner === each.owner && loaders.templates.has(each.template) }),
      },
    ]
  })
}
