import type {
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

/** A record as Kafka takes it; topic, and partition where the key does not decide it, are the sender's to add. */
export interface EncodedRecord {
  readonly key: string | null
  readonly value: string
  readonly headers: Readonly<Record<string, string>>
}

export declare function encodeChange(change: Draft<ChangeRecord>): EncodedRecord
export declare function encodeDomainEvent(event: Draft<DomainEventRecord>): EncodedRecord
export declare function encodeWatermark(watermark: Draft<WatermarkRecord>): EncodedRecord
export declare function encodeGap(gap: Draft<GapRecord>): EncodedRecord
export declare function encodeInvalidation(invalidation: Draft<InvalidationRecord>): EncodedRecord
export declare function encodeApplied(applied: Draft<AppliedRecord>): EncodedRecord
export declare function encodeWarmRequest(request: Draft<WarmRequestRecord>): EncodedRecord
export declare function encodeCatalog(catalog: Draft<CatalogRecord>): EncodedRecord
export declare function encodeCatalogRetired(retired: Draft<CatalogRetiredRecord>): EncodedRecord
export declare function encodeCatalogStatus(status: Draft<CatalogStatusRecord>): EncodedRecord
export declare function encodeDeadLetter(letter: Draft<DeadLetterRecord>): EncodedRecord
