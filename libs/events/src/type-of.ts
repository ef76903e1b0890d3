import type { Decoded } from './records.js'
import type { Operation } from './values.js'
import { controlTypes } from './wire.js'

export const pastTense: Record<Operation, string> = {
  insert: 'inserted',
  update: 'updated',
  delete: 'deleted',
  truncate: 'truncated',
}

/**
 * The CloudEvents type of a decoded record: `member.updated`, `payment.completed`, `freshet.watermark.v1`; undefined for a
 * null value.
 */
export function typeOf(record: Decoded): string | undefined {
  switch (record.kind) {
    case 'change':
      return `${record.entity}.${pastTense[record.operation]}`
    case 'event':
      return record.name
    case 'unknown':
      return record.type
    case 'warm-request':
      return controlTypes.warmRequest
    case 'access-stats':
      return controlTypes.accessStats
    case 'catalog-retired':
      return controlTypes.catalogRetired
    case 'catalog-status':
      return controlTypes.catalogStatus
    case 'dead-letter':
      return controlTypes.deadLetter
    case 'watermark':
    case 'gap':
    case 'invalidation':
    case 'applied':
    case 'catalog':
      return controlTypes[record.kind]
  }
}
