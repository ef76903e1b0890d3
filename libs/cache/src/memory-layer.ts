import { isHonoured, type CommitToken } from '@freshet/coherence'
import { LRUCache } from 'lru-cache'
import type { Address } from './address.js'
import type { Budget } from './budget.js'
import { FenceLog } from './fence-log.js'
import type { HeldValue } from './held-value.js'
import type { DropCause, OccurrenceListener } from './occurrence.js'
import type { Sight } from './sight.js'

interface Entry {
  readonly held: HeldValue
  readonly address: Address
  /** By the monotonic clock. */
  readonly expiresAtMs: number
  /** The Redis that it was read from, or judged by; undefined where that was not one and the same all the time. */
  readonly redis: string | undefined
}

/** What is to be known of the moment before a read or load. */
export interface Mark {
  readonly fences: number
  readonly redis: string | undefined
}

/** An object in memory takes about twice its JSON, and its place in the maps and the tag index some hundreds of bytes. */
const footprintBytes = (held: HeldValue): number => 2 * held.encodedBytes + 200 + 100 * held.tags.length

export interface MemoryLayerOptions {
  /** Estimated bytes of all entries together. */
  readonly maxBytes: number
  readonly sight: Sight
  /** Which Redis is connected. */
  readonly redisId: () => string | undefined
  readonly report: OccurrenceListener
  readonly rememberedFences?: number
}

/**
 * L1: values of this process. It hears of fences by `invalidations.v1`, so that it answers only while it is sighted, and
 * takes in a value only if no fence of one of its tags was heard since before the value was read or loaded.
 */
export class MemoryLayer {
  readonly #entries: LRUCache<string, Entry>
  readonly #idsByTag = new Map<string, Set<string>>()
  readonly #fences: FenceLog

  constructor(private readonly options: MemoryLayerOptions) {
    this.#fences = new FenceLog(options.rememberedFences)
    this.#entries = new LRUCache<string, Entry>({
      maxSize: options.maxBytes,
      sizeCalculation: ({ held }) => footprintBytes(held),
      dispose: ({ held }, id) => this.#unlist(id, held),
    })
  }

  /**
   * With a token only if the fences of its commit have been heard, and were made in the Redis that the value is from: after
   * a failover an older copy can fill this memory under a newer watermark (G3).
   */
  get(id: string, budget: Budget, token?: CommitToken): HeldValue | undefined {
    const nowMs = performance.now()
    const { sight } = this.options
    if (!sight.isWithin(budget, nowMs)) return undefined
    const entry = this.#entries.get(id)
    if (token && entry) {
      const { applied } = sight
      if (entry.redis === undefined || applied?.redis !== entry.redis || !isHonoured(token, applied)) return undefined
    }
    if (entry === undefined || nowMs < entry.expiresAtMs) return entry?.held
    this.#entries.delete(id)
    return undefined
  }

  /**
   * To be taken before a read or load whose value is to be inserted. Undefined while blind: the reader may not stand at
   * its partitions yet, and would miss the fence that matters.
   */
  mark(): Mark | undefined {
    const { sight, redisId } = this.options
    return sight.isSighted(performance.now()) ? { fences: this.#fences.mark(), redis: redisId() } : undefined
  }

  insert(address: Address, held: HeldValue, mark: Mark | undefined, ttlMs: number): void {
    const { id } = address
    if (mark === undefined || ttlMs <= 0) return
    if (this.#entries.peek(id)?.held === held) return
    if (this.#fences.fencedSince(mark.fences, tagTexts(held))) return
    const redis = mark.redis === this.options.redisId() ? mark.redis : undefined
    this.#entries.set(id, { held, address, expiresAtMs: performance.now() + ttlMs, redis })
    if (this.#entries.has(id)) this.#list(id, held)
  }

  /** Drops whatever the tags govern. A template's tag governs all its entries, as each names it. */
  fence(tags: readonly string[]): void {
    let entries = 0
    for (const tag of tags) {
      this.#fences.note(tag)
      for (const id of this.#idsByTag.get(tag) ?? []) if (this.#entries.delete(id)) entries++
    }
    if (entries > 0) this.options.report({ type: 'l1:dropped', entries, cause: 'fenced' })
  }

  /** Fences may have been missed. */
  dropAll(cause: Exclude<DropCause, 'fenced'>): void {
    this.#fences.forget()
    const entries = this.#entries.size
    this.#entries.clear()
    if (entries > 0) this.options.report({ type: 'l1:dropped', entries, cause })
  }

  /** Where all entries belong, those whose time is up included. */
  addresses(): readonly Address[] {
    return [...this.#entries.values()].map(({ address }) => address)
  }

  get size(): number {
    return this.#entries.size
  }

  #list(id: string, held: HeldValue): void {
    for (const tag of tagTexts(held)) {
      const ids = this.#idsByTag.get(tag)
      if (ids) ids.add(id)
      else this.#idsByTag.set(tag, new Set([id]))
    }
  }

  #unlist(id: string, held: HeldValue): void {
    for (const tag of tagTexts(held)) {
      const ids = this.#idsByTag.get(tag)
      if (ids?.delete(id) && ids.size === 0) this.#idsByTag.delete(tag)
    }
  }
}

function* tagTexts({ tags }: HeldValue): Iterable<string> {
  for (const { tag } of tags) yield tag
}
