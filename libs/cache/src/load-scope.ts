import { AsyncLocalStorage } from 'node:async_hooks'
import type { CapturedRecent, History, LoadView, TagGeneration } from '@freshet/coherence'
import type { HeldValue } from './held-value.js'
import type { Flight } from './flight.js'
import type { StoreRefusal } from './occurrence.js'

/** Recent records as captured, and what the reads that they cover could see. */
export interface Judged {
  readonly recents: readonly CapturedRecent[]
  readonly view: LoadView
  /** The history that the applied watermarks, and so the records, belong to; undefined where it is not known. */
  readonly current: History | undefined
}

/**
 * What one load has read so far besides its source (R12).
 *
 *   open --the loader returns or throws--> closed: what comes later cannot have been in the value
 */
export class LoadScope {
  readonly #brought: TagGeneration[] = []
  readonly judged: Judged[] = []
  /** The first reason for which the value cannot be stored, whatever else is seen. */
  refusal: StoreRefusal | undefined
  /** A part has lease strength, and so has the whole. */
  lease = false
  #open = true
  #pendingTags = 0

  constructor(
    readonly flight: Flight,
    /** Values of another Redis or namespace are governed by tags that this one does not know. */
    readonly realm: string,
  ) {}

  get open(): boolean {
    return this.#open
  }

  /** A tag whose capture was not awaited may lie behind the read that it was to cover. */
  close(): void {
    if (this.#pendingTags > 0) this.refuse('tag-not-awaited')
    this.#open = false
  }

  async tagging(capture: () => Promise<void>): Promise<void> {
    this.flight.partBegun()
    this.#pendingTags++
    try {
      await capture()
    } finally {
      this.#pendingTags--
    }
  }

  refuse(reason: StoreRefusal): void {
    if (this.#open) this.refusal ??= reason
  }

  /** A `get` in the loader returned this value. */
  inherit(held: HeldValue, realm: string): void {
    if (!this.#open) return
    if (realm !== this.realm) return this.refuse('unvouched-part')
    this.bring(held.tags)
    if (held.header.lease) this.lease = true
  }

  bring(tags: readonly TagGeneration[]): void {
    this.#brought.push(...tags)
  }

  /** Tags of what was read, each with the generation that it was captured or validated under. */
  get brought(): readonly TagGeneration[] {
    return this.#brought
  }
}

/** The load that the running code belongs to, if any. */
export const currentLoad = new AsyncLocalStorage<LoadScope>()
