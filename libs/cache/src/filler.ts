import type { Catalog } from '@freshet/catalog'
import {
  contains,
  encodeValue,
  inherit,
  isSameHistory,
  needsSnapshot,
  refuseFill,
  type AppliedWatermark,
  type CapturedRecent,
  type CommitToken,
  type FillRefusal,
  type LoadView,
  type ShardTag,
  type TagGeneration,
  type ValueHeader,
} from '@freshet/coherence'
import type { ValueStore } from '@freshet/redis'
import { setTimeout as pause } from 'node:timers/promises'
import { tagsOf, type Address, type TagTarget } from './address.js'
import { decode, encode } from './codec.js'
import { CommitNotVisibleError, LoaderEndedError, NotStorableError, UnencodableValueError } from './errors.js'
import type { Flight, Landing } from './flight.js'
import { HeldValue } from './held-value.js'
import type { CatalogWatch } from './in-force.js'
import { currentLoad, LoadScope, type Judged } from './load-scope.js'
import type { Load, LoaderSource } from './loader.js'
import type { OccurrenceListener, PassedOverReason, StoreRefusal } from './occurrence.js'
import type { SharedLayer } from './shared-layer.js'
import type { SharedQuery } from './shared-query.js'
import type { TakenSnapshot } from './snapshots.js'
import { keptCopyOf } from './stale-on-error.js'
import { shownIn, Standby } from './standby.js'
import { currentToken } from './token.js'

/** More further tags than this are not stored: each costs every reader a place in its command. */
export const MAX_FURTHER_TAGS = 64

export interface FillerPorts {
  readonly catalog: Catalog
  readonly values: ValueStore
  readonly shared: SharedLayer
  readonly snapshots: SharedQuery<TakenSnapshot>
  /** The history that the records belong to comes with it. */
  readonly applied: SharedQuery<AppliedWatermark | undefined>
  readonly watch: CatalogWatch
  readonly report: OccurrenceListener
  readonly realm: string
  /** How long generations live, in milliseconds. */
  readonly generationTtlMs: number
  /** How long a load waits for the commit whose token its read carries, in milliseconds. */
  readonly tokenWaitMs: number
  /** One after the other for every read and departure of this process. */
  readonly ticket: () => number
}

export interface FillRequest {
  readonly address: Address
  readonly load: Load<unknown>
  readonly source: LoaderSource
  readonly token: CommitToken | undefined
  /** How long the value is kept, in milliseconds: its template's TTL, or longer. */
  readonly ttlMs: number
  /** May the value go to Redis? */
  readonly writesShared: boolean
  /** Nothing is loaded that could not be stored. */
  readonly onlyIfStorable: boolean
  /** Redis has just failed to answer the read: it is not asked again. */
  readonly sharedFailed: boolean
}

/** Generations of the required tags, and what the recent records of their shard held (R2). */
interface Capture {
  readonly own: readonly TagGeneration[]
  readonly recents: readonly CapturedRecent[]
}

/**
 * A commit is in the log, and can be fenced, a moment before readers see it: asking so often again, so long apart, costs less
 * than a load that may not be stored.
 */
const untilVisibleMs = [1, 2, 4]
/** For a load that nobody waits for. */
const patientlyMs = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]

const UNREACHABLE = { refused: 'unreachable' } as const

/** Fills: capture, then snapshot, then load, then judge, then store (R2 to R6, R12). */
export class Filler {
  constructor(private readonly ports: FillerPorts) {}

  /** Rejects with the loader's error, or with UnencodableValueError. */
  async fill(flight: Flight, request: FillRequest): Promise<Landing> {
    const landing = await this.#fill(flight, request)
    const template = request.address.template.name
    this.ports.report(
      landing.refused === undefined
        ? { type: 'fill:stored', template, encodedBytes: landing.held.encodedBytes }
        : { type: 'fill:refused', template, reason: landing.refused },
    )
    return landing
  }

  async #fill(flight: Flight, request: FillRequest): Promise<Landing> {
    flight.depart(this.ports.ticket())
    return (
      (await this.#fillFromStandby(flight, request)) ?? this.#attempt(flight, { ...request, source: sure(request) })
    )
  }

  /** R10: what a standby brought and may not be stored is loaded from the primary. Undefined: that is to be done. */
  async #fillFromStandby(flight: Flight, request: FillRequest): Promise<Landing | undefined> {
    if (!(request.source instanceof Standby)) return undefined
    let reason: PassedOverReason
    let error: unknown
    try {
      const landing = await this.#attempt(flight, request)
      if (landing.refused === undefined) return landing
      reason = landing.refused
    } catch (thrown) {
      flight.abort.signal.throwIfAborted()
      if (thrown instanceof PassedOver) reason = thrown.reason
      else [reason, error] = ['load-failed', thrown]
    }
    const { name } = request.address.template
    this.ports.report({ type: 'standby:passed-over', template: name, reason, ...(error !== undefined && { error }) })
    return undefined
  }

  async #attempt(flight: Flight, request: FillRequest): Promise<Landing> {
    const { address, source } = request
    const capture = request.sharedFailed ? UNREACHABLE : await this.#capture(flight, address)
    const scope = new LoadScope(flight, this.ports.realm)
    if ('refused' in capture) scope.refuse(capture.refused)
    else await this.#judgeBy(scope, capture.recents, request)
    if (source instanceof Standby)
      passOver(scope) // before the load, which would be in vain
    else if (request.token) await this.#untilShown(flight, request.token, address.template.name)
    if (request.onlyIfStorable) this.#storable(scope, address.template.name)
    const atMs = Date.now()
    const payload = await this.#load(scope, request)
    const header: ValueHeader = {
      v: 1,
      g: 'refused' in capture ? [] : capture.own.map(({ generation }) => generation),
      at: atMs,
      ttl: request.ttlMs,
      ...((scope.lease || source === 'none') && { lease: true }),
    }
    const further = 'refused' in capture ? capture : furtherTags(scope, capture.own)
    if ('refused' in further) return { held: holding(address, header, payload), refused: further.refused }
    const stored = further.tags.length === 0 ? header : { ...header, x: further.tags }
    return this.#store(request, stored, payload)
  }

  /** Throws NotStorableError. */
  #storable(scope: LoadScope, template: string): void {
    const reason = scope.refusal ?? refusalOf(scope)
    if (reason === undefined) return
    this.ports.report({ type: 'fill:refused', template, reason })
    throw new NotStorableError(template, reason)
  }

  /** A load that no rule lets be stored: its caller's own transaction (R11). */
  async loadOnly(flight: Flight, request: FillRequest, refused: StoreRefusal): Promise<Landing> {
    const scope = new LoadScope(flight, this.ports.realm)
    scope.refuse(refused)
    const header: ValueHeader = { v: 1, g: [], at: Date.now(), ttl: request.ttlMs }
    return { held: holding(request.address, header, await this.#load(scope, request)), refused }
  }

  /** The record in force is read in the same phase: before it, changes may have gone by unfenced (R9). */
  async #capture(flight: Flight, address: Address): Promise<Capture | { readonly refused: StoreRefusal }> {
    const { values, watch, generationTtlMs } = this.ports
    if (address.kinds === undefined) return { refused: 'not-in-force' }
    try {
      const [captured, inForce] = await Promise.all([values.capture(address.required, generationTtlMs), watch.look()])
      flight.captured(captured.generations)
      if (inForce === undefined) return { refused: 'not-in-force' }
      if (inForce.parameterKinds !== address.kinds) return { refused: 'kinds-changed' }
      return { own: paired(address.required, captured.generations), recents: captured.recents }
    } catch (error) {
      this.ports.report({ type: 'l2:failed', operation: 'capture', error })
      return { refused: 'unreachable' }
    }
  }

  /** Takes the view by which these captures will be judged (R3, R4), if one can decide. */
  async #judgeBy(scope: LoadScope, recents: readonly CapturedRecent[], request: FillRequest): Promise<void> {
    scope.judged.push({ recents, ...(await this.#view(scope, recents, request)) })
  }

  async #view(
    { flight: { abort } }: LoadScope,
    recents: readonly CapturedRecent[],
    { source, token, onlyIfStorable }: FillRequest,
  ): Promise<Omit<Judged, 'recents'>> {
    const { snapshots, applied, report } = this.ports
    if (source === 'none') return { view: { role: 'none' }, current: undefined }
    if (source instanceof Standby) return this.#standbyView(source, token)
    if (!needsSnapshot(recents)) return { view: { role: 'primary' }, current: undefined }
    try {
      for (let again = 0; ; again++) {
        const [taken, current] = await Promise.all([snapshots.take(), applied.take()])
        const { snapshot, inRecovery } = taken
        const view: LoadView = { role: 'primary', snapshot, inRecovery, history: taken }
        const pauseMs = (onlyIfStorable ? patientlyMs : untilVisibleMs)[again]
        if (pauseMs === undefined || refuseFill(recents, view, current) !== 'not-visible') return { view, current }
        await pause(pauseMs)
        if (abort.signal.aborted) return { view, current } // nobody waits any more
      }
    } catch (error) {
      report({ type: 'snapshot:failed', error })
      return { view: { role: 'primary' }, current: undefined }
    }
  }

  async #standbyView(source: Standby, token: CommitToken | undefined): Promise<Omit<Judged, 'recents'>> {
    const [shown, current] = await Promise.all([source.view(), this.ports.applied.take()]).catch((error: unknown) => {
      this.ports.report({ type: 'snapshot:failed', error })
      throw new PassedOver('standby-failed')
    })
    const inFull = shownIn(shown)
    if (token && !(inFull && contains(inFull, token))) throw new PassedOver('behind-token')
    const { snapshot, replayLsn } = shown
    // promoted, or never one: its snapshots list what runs
    if (!shown.inRecovery) return { view: { role: 'primary', snapshot, history: shown }, current }
    return { view: { role: 'standby', replayLsn, snapshot, history: shown }, current }
  }

  /** Waits until the primary shows the token's commit: it is in the log, and its token with others, before readers see it. */
  async #untilShown(flight: Flight, token: CommitToken, template: string): Promise<void> {
    const fromMs = performance.now()
    for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, 50)) {
      const taken = await this.ports.snapshots.take()
      if (contains({ ...taken, lsn: taken.insertLsn }, token)) return
      const waitedMs = performance.now() - fromMs
      const isPromoted = taken.systemId === token.systemId && taken.timeline > token.timeline
      if (isPromoted) return // what a failover took back is nowhere; all else is here
      if (!isSameHistory(taken, token)) throw new CommitNotVisibleError(template, 'other-history', waitedMs)
      if (waitedMs > this.ports.tokenWaitMs) throw new CommitNotVisibleError(template, 'not-committed', waitedMs)
      await pause(pauseMs, undefined, { signal: flight.abort.signal })
    }
  }

  async #load(scope: LoadScope, request: FillRequest): Promise<Buffer> {
    const { address, load, source, token } = request
    const template = address.template.name
    const fromMs = performance.now()
    const { signal } = scope.flight.abort
    const tag = (...targets: readonly TagTarget[]) => this.#tag(scope, request, targets)
    const from = source instanceof Standby ? 'standby' : source
    let value: unknown
    try {
      const context = { parameters: address.key.parameters, source: from, signal, tag } as const
      value = await currentToken.run(token, () => currentLoad.run(scope, async () => load(context)))
      signal.throwIfAborted() // nobody waits any more
    } catch (error) {
      this.ports.report({ type: 'load:failed', template, source: from, durationMs: performance.now() - fromMs, error })
      throw error
    } finally {
      scope.close()
    }
    this.ports.report({ type: 'load:ended', template, source: from, durationMs: performance.now() - fromMs })
    return encodeFor(template, value)
  }

  /** Captures before the read that it covers (R12), and judges by a view of its own, taken after that capture. */
  async #tag(scope: LoadScope, request: FillRequest, targets: readonly TagTarget[]): Promise<void> {
    const { address } = request
    if (!scope.open) throw new LoaderEndedError(address.key.text)
    const { catalog, values, generationTtlMs } = this.ports
    const tags: ShardTag[] = targets.flatMap((target) => tagsOf(catalog, target, address.kinds))
    if (scope.refusal !== undefined || tags.length === 0) return
    await scope.tagging(async () => {
      try {
        const captured = await values.capture(tags, generationTtlMs)
        scope.bring(paired(tags, captured.generations))
        await this.#judgeBy(scope, captured.recents, request)
      } catch (error) {
        if (error instanceof PassedOver) return scope.refuse('no-snapshot')
        this.ports.report({ type: 'l2:failed', operation: 'capture', error })
        scope.refuse('unreachable')
      }
    })
  }

  async #store(request: FillRequest, header: ValueHeader, payload: Buffer): Promise<Landing> {
    const { address } = request
    const { template, key, required, id } = address
    const landed = holding(address, header, payload)
    if (!request.writesShared) return { held: landed }
    const place = { shard: key.shard, fingerprint: template.fingerprint, keyText: key.text }
    try {
      const bytes = encodeValue(header, payload)
      const renewMs = this.ports.generationTtlMs + request.ttlMs - template.ttlMs
      await Promise.all([
        this.ports.values.store(place, bytes, request.ttlMs, required, renewMs),
        template.staleIfErrorMs > 0 && this.#keepCopy(address, bytes, request.ttlMs),
      ])
    } catch (error) {
      this.ports.report({ type: 'l2:failed', operation: 'store', error })
      return { held: landed, refused: 'unreachable' }
    }
    if (header.x) this.ports.shared.remember(id, header.x)
    return { held: landed }
  }

  /** For reads that the source fails (`staleIfError`); a value without its copy is as good. */
  async #keepCopy(address: Address, bytes: Buffer, ttlMs: number): Promise<void> {
    const { template, key, required } = keptCopyOf(address)
    const { staleIfErrorMs, fingerprint } = template
    const renewMs = this.ports.generationTtlMs + ttlMs - template.ttlMs
    const place = { shard: key.shard, fingerprint, keyText: key.text }
    try {
      await this.ports.values.store(place, bytes, ttlMs + staleIfErrorMs, required, renewMs)
    } catch (error) {
      this.ports.report({ type: 'l2:failed', operation: 'store', error })
    }
  }
}

type Further = { readonly tags: NonNullable<ValueHeader['x']> } | { readonly refused: StoreRefusal }

/** The standby cannot be used for this load. */
class PassedOver extends Error {
  constructor(readonly reason: PassedOverReason) {
    super(`the standby is passed over: ${reason}`)
  }
}

const sure = ({ source }: FillRequest): 'primary' | 'none' => (source === 'none' ? 'none' : 'primary')

function passOver(scope: LoadScope): void {
  const reason = scope.refusal ?? refusalOf(scope)
  if (reason !== undefined) throw new PassedOver(reason)
}

function refusalOf({ judged }: LoadScope): FillRefusal | undefined {
  for (const { recents, view, current } of judged) {
    const refused = refuseFill(recents, view, current)
    if (refused !== undefined) return refused
  }
  return undefined
}

/** The first rule that forbids to store what this load has brought, or the tags that go into its header. */
function furtherTags(scope: LoadScope, own: readonly TagGeneration[]): Further {
  const refused = scope.refusal ?? refusalOf(scope)
  if (refused !== undefined) return { refused }
  const inherited = inherit(own, scope.brought)
  if ('changed' in inherited) return { refused: 'parts-differ' }
  if (inherited.further.length > MAX_FURTHER_TAGS) return { refused: 'too-many-tags' }
  return { tags: inherited.further.map(({ shard, tag, generation }) => [shard, tag, generation] as const) }
}

const paired = (tags: readonly ShardTag[], generations: readonly string[]): TagGeneration[] =>
  tags.map(({ shard, tag }, position) => ({ shard, tag, generation: generations[position] ?? '' }))

/** What readers of the stored bytes will get, also for the caller whose load it was. */
const holding = (address: Address, header: ValueHeader, payload: Buffer): HeldValue =>
  new HeldValue(decode(payload), payload.length, header, address.required)

function encodeFor(template: string, value: unknown): Buffer {
  try {
    return encode(value)
  } catch (error) {
    if (error instanceof UnencodableValueError) throw new UnencodableValueError(error.path, error.found, template)
    throw error
  }
}
