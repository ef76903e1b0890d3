import type { Lsn, Xid } from '@freshet/pgoutput'
import type { Decoded } from './records.js'

/**
 * Reads one record's value. A null value and a type that this version does not know come back as `kind: 'unknown'`.
 *
 * Throws UnreadableRecordError when the bytes are no CloudEvent or its data is not what its type promises.
 */
export declare function decode(value: Buffer | null, topic?: string): Decoded

/** The transaction named by a record's headers, for a record whose value is unreadable; undefined when they do not name one. */
export declare function transactionOfHeaders(
  headers: Readonly<Record<string, string>>,
): { xid: Xid; lsn: Lsn } | undefined
