import type { Lsn } from '@freshet/pgoutput'
import { createSlot, dropSlot, readSlot, type Database } from '@freshet/postgres'

/** A slot, and where the stream goes on. */
export interface ClaimedSlot {
  readonly confirmed: Lsn
  /** It was created just now: what happened before is unknown. */
  readonly isNew: boolean
}

/** Takes the slot, or creates it where there is none that can be read any more. */
export async function claimSlot(database: Database, name: string): Promise<ClaimedSlot> {
  const slot = await readSlot(database, name)
  if (slot && !slot.invalidated) return { confirmed: slot.confirmedLsn, isNew: false }
  return { confirmed: await renewSlot(database, name), isNew: true }
}

/** Gives up what the slot still held. Returns where the new one begins. */
export async function renewSlot(database: Database, name: string): Promise<Lsn> {
  if (await readSlot(database, name)) await dropSlot(database, name)
  return createSlot(database, name)
}
