import type { Catalog } from '@freshet/catalog'
import {
  encodeValue,
  inherit,
  needsSnapshot,
  refuseFill,
  type CapturedRecent,
  type LoadView,
  type ShardTag,
  type TagGeneration,
  type ValueHeader,
} from '@freshet/coherence'
import type { ValueStore } from '@freshet/redis'
import { tagsOf, type Address, type TagTarget } from './address.js'
import { decode, encode } from './codec.js'
import { LoaderEndedError, UnencodableValueError } from './errors.js'
import type { Flight, Landing } from './flight.js'
import { HeldValue } from './held-value.js'
import type { CatalogWatch } from './in-force.js'
import { currentLoad, LoadScope } from './load-scope.js'
import type { Load, LoaderSource } from './loader.js'
import type { OccurrenceListener, StoreRefusal } from './occurrence.js'
import type { SharedLayer } from './shared-layer.js'
import type { SharedSnapshots } from './snapshots.js'

/** More further tags than this are not stored: each costs every reader a place in its command. */
export const MAX_FURTHER_TAGS = 64

export interface FillerPorts {
  readonly catalog: Catalog
  readonly values: ValueStore
  readonly shared: SharedLayer
  readonly snapshots: SharedSnapshots
  readonly watch: CatalogWatch
  readonly report: OccurrenceListener
  readonly realm: string
  /** How long generations live, in milliseconds. */
  readonly generationTtlMs: number
  /** One after the other for every read and departure of this process. */
  readonly ticket: () => number
}

export interface FillRequest {
  readonly address: Address
  readonly load: Load<unknown>
  readonly source: LoaderSource
  /** May the value go to Redis? */
  readonly writesShared: boolean
  /** Redis has just failed to answer the read: it is not asked again. */
  readonly sharedFailed: boolean
}

/** Generations of the required tags, and what the recent records of their shard held (R2). */
interface Capture {
  readonly own: readonly TagGeneration[]
  readonly recents: readonly CapturedRecent[]
}

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
    const { address, source } = request
    flight.depart(this.ports.ticket())
    const capture = request.sharedFailed ? UNREACHABLE : await this.#capture(flight, address)
    const scope = new LoadScope(flight, this.ports.realm)
    if ('refused' in capture) scope.refuse(capture.refused)
    else await this.#judgeBy(scope, capture.recents, source)
    const atMs = Date.now()
    const payload = await this.#load(scope, request)
    const header: ValueHeader = {
      v: 1,
      g: 'refused' in capture ? [] : capture.own.map(({ generation }) => generation),
      at: atMs,
      ttl: address.template.ttlMs,
      ...((scope.lease || source === 'none') && { lease: true }),
    }
    const further = 'refused' in capture ? capture : furtherTags(scope, capture.own)
    if ('refused' in further) return { held: holding(address, header, payload), refused: further.refused }
    const stored = further.tags.length === 0 ? header : { ...header, x: further.tags }
    return this.#store(request, stored, payload)
  }

  /** A load that no rule lets be stored: its caller's own transaction (R11). */
  async loadOnly(flight: Flight, request: FillRequest, refused: StoreRefusal): Promise<Landing> {
    const scope = new LoadScope(flight, this.ports.realm)
    scope.refuse(refused)
    const header: ValueHeader = { v: 1, g: [], at: Date.now(), ttl: request.address.template.ttlMs }
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

  /** Takes the snapshot by which these captures will be judged, if one can decide (R3). */
  async #judgeBy(scope: LoadScope, recents: readonly CapturedRecent[], source: LoaderSource): Promise<void> {
    scope.judged.push({ recents, view: await this.#view(recents, source) })
  }

  async #view(recents: readonly CapturedRecent[], source: LoaderSource): Promise<LoadView> {
    if (source === 'none') return { role: 'none' }
    if (!needsSnapshot(recents)) return { role: 'primary' }
    try {
      const { snapshot, inRecovery } = await this.ports.snapshots.take()
      return { role: 'primary', snapshot, inRecovery }
    } catch (error) {
      this.ports.report({ type: 'snapshot:failed', error })
      return { role: 'primary' }
    }
  }

  async #load(scope: LoadScope, { address, load, source }: FillRequest): Promise<Buffer> {
    const template = address.template.name
    const fromMs = performance.now()
    const { signal } = scope.flight.abort
    const tag = (...targets: readonly TagTarget[]) => this.#tag(scope, address, source, targets)
    let value: unknown
    try {
      const context = { parameters: address.key.parameters, signal, tag }
      value = await currentLoad.run(scope, async () => load(context))
      signal.throwIfAborted() // nobody waits any more
    } catch (error) {
      this.ports.report({ type: 'load:failed', template, durationMs: performance.now() - fromMs, error })
      throw error
    } finally {
      scope.close()
    }
    this.ports.report({ type: 'load:ended', template, durationMs: performance.now() - fromMs })
    return encodeFor(template, value)
  }

  /** Captures before the read that it covers (R12), and judges by a view of its own, taken after that capture. */
  async #tag(scope: LoadScope, address: Address, source: LoaderSource, targets: readonly TagTarget[]): Promise<void> {
    if (!scope.open) throw new LoaderEndedError(address.key.text)
    const { catalog, values, generationTtlMs } = this.ports
    const tags: ShardTag[] = targets.flatMap((target) => tagsOf(catalog, target, address.kinds))
    if (scope.refusal !== undefined || tags.length === 0) return
    await scope.tagging(async () => {
      try {
        const captured = await values.capture(tags, generationTtlMs)
        scope.bring(paired(tags, captured.generations))
        await this.#judgeBy(scope, captured.recents, source)
      } catch (error) {
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
      await this.ports.values.store(place, bytes, template.ttlMs, required, this.ports.generationTtlMs)
    } catch (error) {
      this.ports.report({ type: 'l2:failed', operation: 'store', error })
      return { held: landed, refused: 'unreachable' }
    }
    if (header.x) this.ports.shared.remember(id, header.x)
    return { held: landed }
  }
}

type Further = { readonly tags: NonNullable<ValueHeader['x']> } | { readonly refused: StoreRefusal }

/** The first rule that forbids to store what this load has brought, or the tags that go into its header. */
function furtherTags(scope: LoadScope, own: readonly TagGeneration[]): Further {
  if (scope.refusal !== undefined) return { refused: scope.refusal }
  for (const { recents, view } of scope.judged) {
    const refused = refuseFill(recents, view)
    if (refused !== undefined) return { refused }
  }
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
