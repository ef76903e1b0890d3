import type { Lsn } from '@freshet/pgoutput'
import type { PrimarySnapshot, SlotFacts } from '@freshet/postgres'

/** What was last seen of a connector's slot. */
export type SlotSight =
  | { readonly state: 'never' }
  /** Not there, or no longer to be read: whatever is committed until it is back is missed. */
  | { readonly state: 'missing' }
  | { readonly state: 'there'; readonly readerPid: number | undefined }

export const sightOf = (slot: SlotFacts | undefined): SlotSight =>
  slot === undefined || slot.invalidated !== undefined || slot.restartLsn === undefined
    ? { state: 'missing' }
    : { state: 'there', readerPid: slot.readerPid }

/**
 * May the slot have lost changes since it was last looked at? So it may when it was missing in between; and when it was
 * not read by one and the same reader all the time, so that it can have been dropped and made anew, and its log begins
 * behind the last position that is known to be published, or behind a gap (`closed`). A slot that only went on keeps its
 * log from an earlier place, or has the same reader. What is not known counts as yes.
 */
export function mayHaveLost(before: SlotSight, slot: SlotFacts, closed: Lsn | undefined): boolean {
  if (before.state === 'missing') return true
  const isRead = before.state === 'there' && before.readerPid !== undefined
  if (isRead && before.readerPid === slot.readerPid) return false
  return closed === undefined || (slot.restartLsn ?? 0n) > closed
}

/** Where each partition of a topic ends. */
export type Ends = ReadonlyMap<string, ReadonlyMap<number, bigint>>

/**
 * How far a connector's topics are known to be whole; a Debezium record has no watermark, so the service takes its own:
 *
 *   resting --snapshot--> open --the slot has confirmed its insert position--> confirmed --every cursor has passed--> resting
 *
 * A connector confirms a position once Kafka has acknowledged every record up to it. So what is committed up to the
 * snapshot's insert position stands before the topics' ends that are read behind the confirmation.
 */
export type ConnectorMode =
  | { readonly at: 'resting' }
  | { readonly at: 'open'; readonly taken: PrimarySnapshot }
  | { readonly at: 'confirmed'; readonly taken: PrimarySnapshot; readonly ends: Ends }

export const hasConfirmed = (slot: SlotFacts, taken: PrimarySnapshot): boolean => slot.confirmedLsn >= taken.insertLsn
