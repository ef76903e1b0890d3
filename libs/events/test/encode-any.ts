import * as events from '../src/index.js'

/** Encodes a record of any kind. */
export function encodeAny(record: events.FreshetRecord): events.EncodedRecord {
  switch (record.kind) {
    case 'change':
      return events.encodeChange(record)
    case 'event':
      return events.encodeDomainEvent(record)
    case 'watermark': {
      const { kind: _kind, id: _id, ...draft } = record
      return events.encodeWatermark(draft)
    }
    case 'gap':
      return events.encodeGap(record)
    case 'invalidation':
      return events.encodeInvalidation(record)
    case 'applied':
      return events.encodeApplied(record)
    case 'warm-request': {
      const { kind: _kind, id: _id, ...draft } = record
      return events.encodeWarmRequest(draft)
    }
    case 'access-stats': {
      const { kind: _kind, id: _id, ...draft } = record
      return events.encodeAccessStats(draft)
    }
    case 'catalog':
      return events.encodeCatalog(record)
    case 'catalog-retired':
      return events.encodeCatalogRetired(record)
    case 'catalog-status': {
      const { kind: _kind, id: _id, ...draft } = record
      return events.encodeCatalogStatus(draft)
    }
    case 'dead-letter':
      return events.encodeDeadLetter(record)
  }
}
