import { randomUUID } from 'node:crypto'
import { formatSnapshot } from '@freshet/coherence'
import { entityKeyText } from './key-text.js'
import type {
  AccessStatsRecord,
  AppliedBatch,
  AppliedRecord,
  CatalogRecord,
  CatalogRetiredRecord,
  CatalogStatusRecord,
  ChangeRecord,
  DeadLetterRecord,
  DomainEventRecord,
  Draft,
  GapRecord,
  InvalidationRecord,
  WarmRequestRecord,
  WatermarkRecord,
} from './records.js'
import { pastTense } from './type-of.js'
import type { CommitPlace, CommitStamp } from './values.js'
import { controlTypes } from './wire.js'

/** A record as Kafka takes it; topic, and partition where the key does not decide it, are the sender's to add. */
export interface EncodedRecord {
  readonly key: string | null
  readonly value: string
  readonly headers: Readonly<Record<string, string>>
}

const contentType = 'application/cloudevents+json; charset=UTF-8'
const headers = { 'content-type': contentType }

/** Source of all that is read off one database: `freshet/<namespace>/<database>`. */
export const databaseSource = (namespace: string, database: string): string =>
  `freshet/${encodeURIComponent(namespace)}/${encodeURIComponent(database)}`

/** Key of a catalog's records: `<owner>@<version>`. */
export const catalogKey = (owner: string, version: string): string => `${owner}@${version}`

/** Id `<source>/<lsn>/<index>`: the same whenever the same change is read again. Key and subject are the entity's key. */
export function encodeChange(change: Draft<ChangeRecord>): EncodedRecord {
  const { source, entity, table, operation, key, old, changed, commit } = change
  const at = new Date(commit.at).toISOString()
  const keyText = key === null ? null : entityKeyText(key)
  return ofTransaction(commit, keyText, {
    specversion: '1.0',
    id: `${source}/${commit.lsn}/${commit.index}`,
    source,
    type: `${entity}.${pastTense[operation]}`,
    ...(keyText !== null && keyText !== '' && { subject: keyText }),
    time: at,
    datacontenttype: 'application/json',
    data: {
      table,
      key,
      old: old ?? null,
      new: change.new ?? null,
      changed: changed ?? null,
      commit: wirePlace(commit, at),
    },
  })
}

/** Id `<source>/<lsn>/<index>/<name>`. An emitted event has no key of its own. */
export function encodeDomainEvent(event: Draft<DomainEventRecord>): EncodedRecord {
  const { source, name, key, values, emitted, commit } = event
  const at = new Date(commit.at).toISOString()
  const keyText = key === null ? null : entityKeyText(key)
  return ofTransaction(commit, keyText, {
    specversion: '1.0',
    id: `${source}/${commit.lsn}/${commit.index}/${name}`,
    source,
    type: name,
    ...(keyText !== null && keyText !== '' && { subject: keyText }),
    time: at,
    datacontenttype: 'application/json',
    data: { key, values, ...(emitted && { emitted }), commit: wirePlace(commit, at) },
  })
}

/** For one partition; a null key, so that the sender names the partition. */
export function encodeWatermark(watermark: Draft<WatermarkRecord>): EncodedRecord {
  const { source, ...data } = watermark
  return control(null, controlTypes.watermark, source, {
    ...data,
    lsn: String(data.lsn),
    from: String(data.from),
    sequence: Number(data.sequence),
    snapshot: formatSnapshot(data.snapshot),
    databaseTime: iso(data.databaseTime),
  })
}

/** All copies of a gap carry one id. */
export function encodeGap(gap: Draft<GapRecord>): EncodedRecord {
  const { source, scope, cause, gapId, partitions } = gap
  const data = { scope, cause, lsn: String(gap.lsn), id: gapId, partitions }
  return control(null, controlTypes.gap, source, data, `${source}/gap/${gapId}`)
}

/** Key = the shard. */
export function encodeInvalidation(invalidation: Draft<InvalidationRecord>): EncodedRecord {
  const { source, shard, tags, cause, commit, fencedAt, batch, gap } = invalidation
  return control(String(shard), controlTypes.invalidation, source, {
    shard,
    tags,
    cause,
    ...(commit && { commit: wireStamp(commit, iso(commit.at)) }),
    fencedAt: iso(fencedAt),
    ...(batch && { batch: wireBatch(batch) }),
    ...(gap && { gap }),
  })
}

/** For every partition of the invalidations. */
export function encodeApplied(applied: Draft<AppliedRecord>): EncodedRecord {
  const { source, lsn, snapshot, systemId, timeline, databaseTime, redis } = applied
  return control(null, controlTypes.applied, source, {
    lsn: String(lsn),
    snapshot: formatSnapshot(snapshot),
    systemId,
    timeline,
    databaseTime: iso(databaseTime),
    ...(redis !== undefined && { redis }),
  })
}

/** Key = the cache key. */
export function encodeWarmRequest(request: Draft<WarmRequestRecord>): EncodedRecord {
  const { source, notBefore, deadline, ...data } = request
  return control(data.key, controlTypes.warmRequest, source, {
    ...data,
    notBefore: iso(notBefore),
    deadline: iso(deadline),
  })
}

/** Key = the instance. */
export function encodeAccessStats({ source, endedAt, ...data }: Draft<AccessStatsRecord>): EncodedRecord {
  return control(data.instance, controlTypes.accessStats, source, { ...data, endedAt: iso(endedAt) })
}

/** Key = `<owner>@<version>`. */
export function encodeCatalog({ source, catalog }: Draft<CatalogRecord>): EncodedRecord {
  return control(catalogKey(catalog.owner, catalog.version), controlTypes.catalog, source, catalog)
}

/** Key = `<owner>@<version>`. */
export function encodeCatalogRetired({ source, owner, version }: Draft<CatalogRetiredRecord>): EncodedRecord {
  return control(catalogKey(owner, version), controlTypes.catalogRetired, source, { owner, version })
}

/** Key = `<owner>@<version>`. */
export function encodeCatalogStatus(status: Draft<CatalogStatusRecord>): EncodedRecord {
  const { source, ...data } = status
  const wire = data.state === 'refused' ? data : { ...data, lsn: String(data.lsn) }
  return control(catalogKey(data.owner, data.version), controlTypes.catalogStatus, source, wire)
}

/** Key = the source topic. Id = the record's place, so that a repeated dead letter is a duplicate. */
export function encodeDeadLetter(letter: Draft<DeadLetterRecord>): EncodedRecord {
  const { source, original, originalKey, originalHeaders, sourceTopic, sourcePartition, sourceOffset } = letter
  const value = {
    specversion: '1.0',
    id: `${sourceTopic}/${sourcePartition}/${sourceOffset}`,
    source,
    type: controlTypes.deadLetter,
    subject: sourceTopic,
    time: iso(Date.now()),
    datacontenttype: 'application/octet-stream',
    reason: letter.reason,
    sourcetopic: sourceTopic,
    sourcepartition: sourcePartition,
    sourceoffset: String(sourceOffset),
    attempts: letter.attempts,
    ...(originalKey && { originalkey: originalKey.toString('base64') }),
    originalheaders: JSON.stringify(originalHeaders),
    data_base64: original.toString('base64'),
  }
  return { key: sourceTopic, value: JSON.stringify(value), headers }
}

const iso = (ms: number): string => new Date(ms).toISOString()

/** One batch has many announcements, and Redis has the fences by then, but memories do not. */
const wireBatches = new WeakMap<AppliedBatch, object>()

function wireBatch(batch: AppliedBatch): object {
  const known = wireBatches.get(batch)
  if (known) return known
  const { topic, partition, from, to, readAt } = batch
  const wire = { topic, partition, from: String(from), to: String(to), readAt: iso(readAt) }
  wireBatches.set(batch, wire)
  return wire
}

const wireStamp = (commit: CommitStamp, at: string) => ({ lsn: String(commit.lsn), xid: String(commit.xid), at })

const wirePlace = (commit: CommitPlace, at: string) => ({ ...wireStamp(commit, at), index: commit.index })

/** Commit in the headers too: an unreadable body can still be fenced under its transaction. */
const ofTransaction = (commit: CommitStamp, key: string | null, value: object): EncodedRecord => ({
  key,
  value: JSON.stringify(value),
  headers: { 'content-type': contentType, xid: String(commit.xid), lsn: String(commit.lsn) },
})

const control = (
  key: string | null,
  type: string,
  source: string,
  data: object,
  id: string = randomUUID(),
): EncodedRecord => ({
  key,
  value: JSON.stringify({
    specversion: '1.0',
    id,
    source,
    type,
    ...(key !== null && key !== '' && { subject: key }),
    time: iso(Date.now()),
    datacontenttype: 'application/json',
    data,
  }),
  headers,
})
