import { setTimeout as delay } from 'node:timers/promises'
import type { TypedKey } from '@freshet/catalog'
import type { AuditedLayer } from './audited-layer.js'
import { AuditTable } from './audit-table.js'
import { judgeLater, type Exclusion, type Seen, type Truth } from './verdict.js'

/** What happens in an audit; its table, logs and metrics are made of it. */
export type AuditOccurrence =
  | {
      readonly type: 'audit:compared'
      readonly layer: string
      readonly template: string
      readonly outcome: AuditOutcome
    }
  | {
      readonly type: 'audit:stale'
      readonly layer: string
      readonly template: string
      readonly key: TypedKey
      /** Since it was seen to be wrong. */
      readonly afterMs: number
      /** It is not looked at again. */
      readonly isLast: boolean
      readonly loadedAtMs: number
    }
  /** A layer or a loader failed; the audit goes on. */
  | { readonly type: 'audit:failed'; readonly what: string; readonly error: unknown }

/** `consistent` and `wrong` are reads, all others could not be judged. */
export type AuditOutcome = 'consistent' | 'wrong' | 'miss' | 'no-answer' | Exclusion

export interface AuditorOptions {
  readonly layers: readonly AuditedLayer[]
  readonly truth: (key: TypedKey) => Promise<Truth>
  /** Keys that are looked at in a second, over all layers; 20 by default. */
  readonly keysPerSecond?: number
  /** When a wrong value is looked at again, in milliseconds since it was seen; 1, 5 and 60 s by default. */
  readonly recheckAfterMs?: readonly number[]
  /** Looks at a time; 4 by default. Each has a connection to the database. */
  readonly concurrency?: number
  readonly report?: (occurrence: AuditOccurrence) => void
}

/** How long an empty or silent layer is left alone. */
const PAUSE_MS = 250

/** How long a silent layer is waited for before a value that was wrong there counts as gone. */
const PATIENCE_MS = 30_000

/**
 * Samples keys in use, reads each in its layer as a plain client would, and compares it with the database afterwards. A
 * wrong value is looked at again and again: a change that was on its way is gone from the layer by then, a stale value is
 * still there. The idea is Polaris' (Facebook, "Cache made consistent", 2022).
 *
 *   sampling --stop()--> settling --each wrong value has been followed to its end--> ended
 */
export class Auditor {
  readonly table: AuditTable
  readonly #recheckAfterMs: readonly number[]
  readonly #concurrency: number
  readonly #pauseMs: number
  readonly #report: (occurrence: AuditOccurrence) => void
  readonly #stopped = new AbortController()
  readonly #abandoned = new AbortController()
  readonly #under = new Set<Promise<void>>()
  readonly #followed = new Set<Promise<void>>()
  readonly #sampling: Promise<unknown>

  /** Begins at once. */
  constructor(private readonly options: AuditorOptions) {
    this.#recheckAfterMs = options.recheckAfterMs ?? [1_000, 5_000, 60_000]
    this.#concurrency = options.concurrency ?? 4
    this.#pauseMs = (1_000 * options.layers.length) / (options.keysPerSecond ?? 20)
    this.#report = options.report ?? (() => undefined)
    this.table = new AuditTable(this.#recheckAfterMs)
    this.#sampling = Promise.all(options.layers.map((layer) => this.#sample(layer)))
  }

  /** Takes no more samples; resolves once every wrong value has been followed to its end, or at once with `follow` false. */
  async stop({ follow = true } = {}): Promise<AuditTable> {
    this.#stopped.abort()
    if (!follow) this.#abandoned.abort()
    await this.#sampling
    await Promise.all(this.#under)
    while (this.#followed.size > 0) await Promise.all(this.#followed)
    return this.table
  }

  /** Wrong values that are being followed. */
  get open(): number {
    return this.#followed.size
  }

  async #sample(layer: AuditedLayer): Promise<void> {
    const { signal } = this.#stopped
    while (!signal.aborted) {
      let some = false
      try {
        for await (const key of layer.keys(this.#digest)) {
          some = true
          if (signal.aborted) return
          await this.#begin(this.#compare(layer, key))
          await pause(this.#pauseMs, signal)
        }
      } catch (error) {
        this.#report({ type: 'audit:failed', what: `the keys of ${layer.name}`, error })
        some = false
      }
      if (!some) await pause(PAUSE_MS, signal)
    }
  }

  readonly #digest = (): void => {
    this.table.digests++
  }

  /** Waits only where too much is under way. */
  async #begin(look: Promise<void>): Promise<void> {
    const tracked = look.finally(() => this.#under.delete(tracked))
    this.#under.add(tracked)
    while (this.#under.size >= this.#concurrency) await Promise.race(this.#under)
  }

  async #compare(layer: AuditedLayer, key: TypedKey): Promise<void> {
    const seen = await this.#read(layer, key)
    if (seen === 'no-answer') return this.#count(layer, key, 'no-answer')
    if (seen === undefined) return this.#count(layer, key, 'miss')
    const truth = await this.#truth(key)
    if ('excluded' in truth) return this.#count(layer, key, truth.excluded)
    if (truth.encoded === seen.encoded) return this.#count(layer, key, 'consistent')
    this.#follow(layer, key, seen)
  }

  /** Counts it as a wrong read, and looks again until it is gone. */
  #follow(layer: AuditedLayer, key: TypedKey, wrong: Seen): void {
    this.#count(layer, key, 'wrong')
    const followed = this.#lookAgain(layer, key, wrong, performance.now()).finally(() =>
      this.#followed.delete(followed),
    )
    this.#followed.add(followed)
  }

  async #lookAgain(layer: AuditedLayer, key: TypedKey, wrong: Seen, sinceMs: number): Promise<void> {
    const { signal } = this.#abandoned
    for (const afterMs of this.#recheckAfterMs) {
      await pause(sinceMs + afterMs - performance.now(), signal)
      if (signal.aborted) return
      const now = await this.#readPatiently(layer, key)
      const later = judgeLater(wrong, now, await this.#truth(key))
      if (later === 'replaced' && now) this.#follow(layer, key, now)
      if (later !== 'stale') return
      const row = this.table.at(layer.name, key.template)
      row.stale.set(afterMs, (row.stale.get(afterMs) ?? 0) + 1)
      const { loadedAtMs } = wrong
      const isLast = afterMs === this.#recheckAfterMs.at(-1)
      this.#report({ type: 'audit:stale', layer: layer.name, template: key.template, key, afterMs, isLast, loadedAtMs })
    }
  }

  /** A layer that cannot be asked just now may serve it again later. */
  async #readPatiently(layer: AuditedLayer, key: TypedKey): Promise<Seen | undefined> {
    const deadline = performance.now() + PATIENCE_MS
    for (;;) {
      const seen = await this.#read(layer, key)
      if (seen !== 'no-answer') return seen
      if (performance.now() > deadline || this.#abandoned.signal.aborted) return undefined
      await pause(PAUSE_MS, this.#abandoned.signal)
    }
  }

  async #read(layer: AuditedLayer, key: TypedKey): Promise<Seen | undefined | 'no-answer'> {
    try {
      return await layer.read(key)
    } catch (error) {
      this.#report({ type: 'audit:failed', what: `${layer.name}, read`, error })
      return 'no-answer'
    }
  }

  async #truth(key: TypedKey): Promise<Truth> {
    const truth = await this.options.truth(key)
    if ('excluded' in truth && truth.error !== undefined)
      this.#report({ type: 'audit:failed', what: `a load of ${key.template}`, error: truth.error })
    return truth
  }

  #count({ name }: AuditedLayer, { template }: TypedKey, outcome: AuditOutcome): void {
    const row = this.table.at(name, template)
    if (outcome === 'consistent' || outcome === 'wrong') row.reads++
    if (outcome === 'wrong') row.wrong++
    else if (outcome === 'miss') row.misses++
    else if (outcome === 'no-answer') row.failed++
    else if (outcome !== 'consistent') row.excluded.set(outcome, (row.excluded.get(outcome) ?? 0) + 1)
    this.#report({ type: 'audit:compared', layer: name, template, outcome })
  }
}

/** Ends early with the signal. */
const pause = (ms: number, signal: AbortSignal): Promise<unknown> =>
  delay(Math.max(0, ms), undefined, { signal }).catch(() => undefined)
