import type { CommitToken, StaleRequest } from '@freshet/coherence'
import type { Address } from './address.js'
import type { LayerBudgets } from './budget.js'
import type { Filler } from './filler.js'
import type { Flight, Landing } from './flight.js'
import type { Flights } from './flights.js'
import type { HeldValue } from './held-value.js'
import { currentLoad, type LoadScope } from './load-scope.js'
import type { Load, LoaderSource } from './loader.js'
import type { Mark, MemoryLayer } from './memory-layer.js'
import type { OccurrenceListener, ReadMiss } from './occurrence.js'
import type { Arrival } from './reading.js'
import type { LookUp, SharedLayer } from './shared-layer.js'
import type { Sight } from './sight.js'
import { staleOnError } from './stale-on-error.js'

/** One read, with its key resolved and its loader chosen. */
export interface ReadRequest {
  readonly address: Address
  readonly load: Load<unknown>
  readonly source: LoaderSource
  readonly readsMemory: boolean
  readonly usesMemory: boolean
  readonly usesShared: boolean
  readonly inTransaction: boolean
  /** Nothing that is fenced, though it be within its template's window: the caller's wish, or an outer layer would keep it. */
  readonly freshOnly: boolean
  /** Nothing is loaded that could not be stored. */
  readonly onlyIfStorable: boolean
  readonly budgets: LayerBudgets
  /** How long the value is kept if this read loads it, in milliseconds. */
  readonly ttlMs: number
  /** Of a commit that the value may not be older than (G3). */
  readonly token: CommitToken | undefined
  /** When the read began. */
  readonly ticket: number
}

export interface ReaderPorts {
  readonly memory: MemoryLayer | undefined
  readonly shared: SharedLayer
  /** How far Redis is true. */
  readonly sharedSight: Sight
  readonly flights: Flights
  readonly filler: Filler
  readonly report: OccurrenceListener
  readonly realm: string
}

interface Loaded {
  readonly landing: Landing
  readonly joined: boolean
}

/** A value in hand, and how it came. */
export type Found = readonly [held: HeldValue, arrival: Arrival]

const HIT_L1: Arrival = { layer: 'l1', vouched: true }
const HIT_L2: Arrival = { layer: 'l2', vouched: true }
const STALE: Arrival = { layer: 'l2', vouched: false, stale: true } // R10

/** For checkers: what is fenced is no answer. */
const FRESH_ONLY: StaleRequest = { windowMs: 0 }

/** Reads: L1, then L2, then a load that others may share. */
export class Reader {
  constructor(private readonly ports: ReaderPorts) {}

  /**
   * Not a promise where L1 answers. Rejects with the loader's error, LoadLimitError, LoadTimeoutError, LoaderCycleError or
   * UnencodableValueError.
   */
  read(request: ReadRequest): Found | Promise<Found> {
    const scope = currentLoad.getStore()
    if (scope?.open) scope.flight.partBegun()
    const found = this.#fromMemory(request) ?? this.#beyondMemory(request, scope?.open ? scope : undefined)
    return scope ? this.#note(scope, found) : found
  }

  /** What a layer would serve now. Throws ValuesUnavailableError. */
  async peek(layer: 'l1' | 'l2', address: Address, budgets: LayerBudgets): Promise<HeldValue | undefined> {
    if (layer === 'l1') return this.ports.memory?.get(address.id, budgets.l1)
    const { shared, sharedSight } = this.ports
    const seen = await shared.lookUp(address, FRESH_ONLY)
    return 'hit' in seen && sharedSight.isWithin(budgets.l2, performance.now()) ? seen.hit : undefined
  }

  addressesInMemory(): readonly Address[] {
    return this.ports.memory?.addresses() ?? []
  }

  /** R12: noted when `get` returns, in the caller's context. R10: what is unvouched is not inherited. */
  async #note(scope: LoadScope, found: Found | Promise<Found>): Promise<Found> {
    const [held, { vouched }] = await found
    if (vouched) scope.inherit(held, this.ports.realm)
    else scope.refuse('unvouched-part')
    return found
  }

  #fromMemory({ address, readsMemory, budgets, token }: ReadRequest): Found | undefined {
    const held = readsMemory ? this.ports.memory?.get(address.id, budgets.l1, token) : undefined
    if (held === undefined) return undefined
    this.ports.report({ type: 'read:hit', template: address.template.name, layer: 'l1' })
    return [held, HIT_L1]
  }

  async #beyondMemory(request: ReadRequest, scope: LoadScope | undefined): Promise<Found> {
    const { address, usesMemory, inTransaction } = request
    const { memory, report } = this.ports
    if (inTransaction) return this.#loadAlone(request)
    const mark = usesMemory ? memory?.mark() : undefined
    for (;;) {
      const seen = await this.#lookUp(request, scope !== undefined)
      if ('hit' in seen) {
        report({ type: 'read:hit', template: address.template.name, layer: 'l2' })
        this.#keep(address, seen.hit, mark)
        return [seen.hit, HIT_L2]
      }
      if ('stale' in seen) {
        report({ type: 'read:stale', template: address.template.name })
        return [seen.stale, STALE]
      }
      report({ type: 'read:missed', template: address.template.name, reason: seen.miss })
      const landed = await this.#loadOrOld(request, scope, seen)
      if (landed === undefined) continue // another's load, begun too early for this read
      if ('old' in landed) return [landed.old, STALE]
      const { landing, joined } = landed
      const vouched = landing.refused === undefined
      if (vouched) this.#keep(address, landing.held, mark)
      return [
        landing.held,
        { layer: 'source', vouched, joined, missed: seen.miss, ...(!vouched && { refused: landing.refused }) },
      ]
    }
  }

  async #lookUp(request: ReadRequest, insideLoad: boolean): Promise<LookUp> {
    const { address, usesShared, budgets, token, freshOnly } = request
    if (address.kinds === undefined) return missWithout('not-in-force')
    if (!usesShared) return missWithout('not-asked')
    try {
      const { shared, sharedSight } = this.ports
      const windowMs = address.template.staleWhileRevalidateMs
      const seen = await shared.lookUp(address, { windowMs, token, fresh: freshOnly, insideLoad })
      const isWithin = sharedSight.isWithin(budgets.l2, performance.now())
      return isWithin || 'miss' in seen ? seen : { miss: 'blind', generations: seen.generations }
    } catch (error) {
      this.ports.report({ type: 'l2:failed', operation: 'read', error })
      return missWithout('unreachable')
    }
  }

  /** As `#load`; where that fails, perhaps an old value. */
  async #loadOrOld(
    request: ReadRequest,
    scope: LoadScope | undefined,
    seen: Extract<LookUp, { readonly miss: ReadMiss }>,
  ): Promise<Loaded | { readonly old: HeldValue } | undefined> {
    try {
      return await this.#load(request, scope, seen)
    } catch (error) {
      const old = await staleOnError(error, request, scope !== undefined, this.ports)
      if (old === undefined) throw error
      this.ports.report({ type: 'read:stale-on-error', template: request.address.template.name, error })
      return { old }
    }
  }

  /** Undefined: the load that was under way may not be shared with this read, which must look again. */
  async #load(
    request: ReadRequest,
    scope: LoadScope | undefined,
    seen: Extract<LookUp, { readonly miss: ReadMiss }>,
  ): Promise<Loaded | undefined> {
    const { flights, report } = this.ports
    const { address, ticket, usesShared, token, onlyIfStorable } = request
    const { template, key, id } = address
    // A load that knows of no token may read from a standby, or be made of cached parts, that are behind it.
    // One that may end without a value is for its own kind.
    const kind = (usesShared ? '' : ' unshared') + (onlyIfStorable ? ' storable' : '')
    const name = token ? `${id} ${ticket}` : id + kind
    const under = flights.find(name)
    const sharedFailed = seen.miss === 'unreachable'
    const flight =
      under ??
      flights.launch(
        {
          name,
          template: template.name,
          keyText: key.text,
          work: (started) => this.ports.filler.fill(started, { ...request, writesShared: usesShared, sharedFailed }),
        },
        scope !== undefined,
      )
    const isForMe = flight.join({ ticket, generations: seen.generations })
    const landing = await waitInside(scope, flight)
    if (!isForMe(landing)) return undefined
    if (under) report({ type: 'read:joined', template: template.name })
    return { landing, joined: under !== undefined }
  }

  /** R11: its caller's own uncommitted writes may be in it, and no other's that committed since. */
  async #loadAlone(request: ReadRequest): Promise<Found> {
    const { address } = request
    const flight = this.ports.flights.launchAlone({
      template: address.template.name,
      keyText: address.key.text,
      work: (started) =>
        this.ports.filler.loadOnly(
          started,
          { ...request, writesShared: false, sharedFailed: false },
          'callers-transaction',
        ),
    })
    const { held } = await flight.landing
    return [held, { layer: 'source', vouched: false, missed: 'not-asked', refused: 'callers-transaction' }]
  }

  #keep(address: Address, held: HeldValue, mark: Mark | undefined): void {
    this.ports.memory?.insert(address, held, mark, held.header.at + held.header.ttl - Date.now())
  }
}

const missWithout = (miss: ReadMiss): LookUp => ({ miss, generations: [] })

/** A loader that waits for another load holds a place that the other may need, and must not be waited for by it. */
async function waitInside(scope: LoadScope | undefined, flight: Flight): Promise<Landing> {
  if (scope === undefined) return flight.landing
  scope.flight.waitFor(flight)
  flight.expedite()
  try {
    return await flight.landing
  } finally {
    scope.flight.waitsFor.delete(flight)
  }
}
