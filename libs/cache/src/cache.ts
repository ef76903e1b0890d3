import { AsyncLocalStorage } from 'node:async_hooks'
import { parseKey, type BoundParameters, type Query, type Scalar, type Tag } from '@freshet/cache-keys'
import {
  KeyWithoutCatalogError,
  templateOf,
  type Catalog,
  type DeclaredKey,
  type KeyDefinition,
  type TypedKey,
} from '@freshet/catalog'
import type { CatalogInForce, ValueStore } from '@freshet/redis'
import type { AccessTally } from './access-tally.js'
import { addressOf, type Address } from './address.js'
import type { LayerBudgets } from './budget.js'
import { CacheClosedError, LoaderMissingError } from './errors.js'
import type { RowsHandle } from '@freshet/postgres'
import type { Flights } from './flights.js'
import type { CatalogWatch } from './in-force.js'
import { tagsByHand, type InvalidationTarget } from './invalidate.js'
import type { Load, LoadContext, LoaderSource, TemplateLoad } from './loader.js'
import type { BlindCause, Layer } from './occurrence.js'
import type { Found, Reader } from './reader.js'
import { readingOf, type Reading } from './reading.js'
import type { RegisterOptions } from './register.js'
import { currentToken, readToken } from './token.js'

/** How one read is done; all may be left out. */
export interface ReadOptions {
  /** Past L1, which may be behind by its `maxLag`, and never within a window: no older than the last applied fence. */
  readonly fresh?: boolean
  /**
   * Which layers may answer and be filled; both by default. `['l2']` for what an outer layer will store: nothing within a
   * window then.
   */
  readonly layers?: readonly ('l1' | 'l2')[]
  /**
   * What `token` returned: no layer answers with a state from before that commit (G3). Inside a load, and of all reads
   * under `withToken`, it is taken from there.
   */
  readonly token?: string
  /**
   * How long the value is kept if this read loads it, in milliseconds, where that is longer than its template's TTL. For
   * values that are loaded long before they are wanted.
   */
  readonly ttlMs?: number
  /**
   * For who fills layers and has no use for the value: nothing is loaded that could not be stored. Instead the read waits
   * until the changes that forbid it are visible to loads, for a second at most, and then rejects with NotStorableError.
   */
  readonly onlyIfStorable?: boolean
}

/** Options of a read that brings its own loader. */
export interface LoadingReadOptions extends ReadOptions {
  /** Where the loader reads; `primary` by default. */
  readonly source?: LoaderSource
  /**
   * The loader reads inside a transaction that the caller has opened. It is then run for this caller alone, and nothing
   * is read from or stored in any layer: it sees its own uncommitted writes, which no one else may, and it may see an
   * older state than what is cached (R11).
   */
  readonly inTransaction?: boolean
}

/** What the client says of itself, for readiness probes. */
export interface CacheHealth {
  /** Is the catalog known to be in force? Until then every read loads from the source. */
  readonly inForce: boolean
  readonly l1: 'off' | 'sighted' | BlindCause
  /** Does Redis know how far it is true, and is that near enough for templates with a window? */
  readonly l2: 'sighted' | BlindCause
}

/** What a cache is put together of; `createCache` does it. */
export interface CacheParts {
  readonly catalog: Catalog
  readonly reader: Reader
  readonly values: Pick<ValueStore, 'addresses'>
  readonly flights: Flights
  /** Undefined: reads are not counted. */
  readonly accesses: AccessTally | undefined
  readonly watch: CatalogWatch
  readonly l1State: () => CacheHealth['l1']
  readonly l2State: () => CacheHealth['l2']
  /** By the template's name. */
  readonly budgets: ReadonlyMap<string, LayerBudgets>
  readonly register: (options: RegisterOptions, signal: AbortSignal) => Promise<void>
  readonly token: (transaction?: RowsHandle) => Promise<string>
  readonly invalidate: (tags: readonly Tag[]) => Promise<void>
  readonly close: () => Promise<void>
}

/** What runs under it reads the source only, also inside loaders. */
const pastEveryLayer = new AsyncLocalStorage<boolean>()

interface Registered {
  readonly load: Load<unknown>
  readonly source: LoaderSource
}

/**
 * Reads through every layer and never serves what has been fenced.
 *
 *   open --close()--> closed
 *
 * While its catalog is not in force, or Redis does not answer, reads go to the source, limited, and nothing is stored.
 */
export class Cache {
  readonly #loaders = new Map<string, Registered>()
  readonly #closing = new AbortController()

  constructor(private readonly parts: CacheParts) {}

  /**
   * Gives a template its loader, for `get` without one.
   *
   * Throws KeyWithoutCatalogError when the client's catalog does not declare the key.
   *
   * @example cache.loader(keys.balance, ({ id }) => balanceOf(id))
   */
  loader<Parameters extends object, Value>(
    key: KeyDefinition<Parameters, Value>,
    load: TemplateLoad<NoInfer<Value>, Parameters>,
    options?: { readonly source?: LoaderSource },
  ): void
  /** By the template's name and text, for programs that have no typed keys. */
  loader(
    key: Pick<DeclaredKey, 'name' | 'text'>,
    load: TemplateLoad<unknown, BoundParameters>,
    options?: { readonly source?: LoaderSource },
  ): void
  loader(
    { name: template, text }: Pick<DeclaredKey, 'name' | 'text'>,
    load: TemplateLoad<unknown, never>,
    options: { readonly source?: LoaderSource } = {},
  ): void {
    const definition = { name: template, text, options: { ttl: '1s' } }
    const { name } = templateOf(this.parts.catalog, { definition, template, parameters: {} })
    this.#loaders.set(name, {
      load: (context) => load(context.parameters as never, context as LoadContext<never>),
      source: options.source ?? 'primary',
    })
  }

  /**
   * The value behind a key: from a layer, or by the template's loader, or by the one given.
   *
   * Rejects with the loader's error; LoaderMissingError, KeyWithoutCatalogError, UnencodableParameterError when it cannot
   * be asked; LoadLimitError when the source has no room; LoadTimeoutError, LoaderCycleError, UnencodableValueError; with
   * `onlyIfStorable` NotStorableError; with a token BadTokenError, and CommitNotVisibleError when the source does not show its commit.
   *
   * @example await cache.get(keys.balance.of({ id: 42n }))
   * @example await cache.get(keys.balance.of({ id }), () => balanceOf(id), { fresh: true })
   */
  get<Value, Parameters>(key: TypedKey<Value, Parameters>, options?: ReadOptions): Promise<Value>
  get<Value, Parameters>(
    key: TypedKey<Value, Parameters>,
    load: Load<NoInfer<Value>, NoInfer<Parameters>>,
    options?: LoadingReadOptions,
  ): Promise<Value>
  async get(key: TypedKey, load?: Load<unknown, never> | ReadOptions, options?: LoadingReadOptions): Promise<unknown> {
    const [held] = await this.#read(key, load, options)
    return held.value
  }

  /** As `get`, with all that can be said of the value. */
  read<Value, Parameters>(key: TypedKey<Value, Parameters>, options?: ReadOptions): Promise<Reading<Value>>
  read<Value, Parameters>(
    key: TypedKey<Value, Parameters>,
    load: Load<NoInfer<Value>, NoInfer<Parameters>>,
    options?: LoadingReadOptions,
  ): Promise<Reading<Value>>
  async read(
    key: TypedKey,
    load?: Load<unknown, never> | ReadOptions,
    options?: LoadingReadOptions,
  ): Promise<Reading<unknown>> {
    const [held, arrival] = await this.#read(key, load, options)
    return readingOf(held, arrival)
  }

  /**
   * A token of what was committed, for reads that must not be older (G3): opaque text that fits into a header or a cookie,
   * good for every client of the installation and any layer. Given a transaction that is open, of this very transaction;
   * without one, of everything that was committed before the call.
   *
   * Rejects as the driver does, and with StandbyRefusedError on a server in recovery.
   *
   * @example const token = await cache.token(tx) // before its commit
   * @example const token = await cache.token() // after a commit, or for all there is
   */
  async token(transaction?: RowsHandle): Promise<string> {
    this.#open()
    return this.parts.token(transaction)
  }

  /**
   * Makes values unservable in every layer of every process, for what no rule can know of. Lease strength: a load that is
   * under way is not stored, but one that begins now and reads an older state is. Resolves once Redis has it and all
   * memories are told; may be repeated.
   *
   * Throws KafkaNotConfiguredError, CatalogNotInForceError, KeyWithoutCatalogError, KeyNotExactError,
   * WildcardUndeclaredError, UnencodableParameterError and ValuesUnavailableError, before memories were told of anything;
   * SendFailedError when Redis has it, but memories could not be told.
   *
   * @example await cache.invalidate(keys.rate.of({ currency: 'EUR' }), wildcard('member:{id}:*', { id: 42n }))
   * @example await cache.invalidate(keys.revenue) // all of a template
   */
  async invalidate(...targets: readonly InvalidationTarget[]): Promise<void> {
    const { catalog, watch } = this.parts
    const { parameterKinds } = watch.record ?? (await watch.wait(0, this.#open()))
    await this.parts.invalidate(targets.flatMap((target) => tagsByHand(catalog, target, parameterKinds)))
  }

  /**
   * Runs something whose every read carries the token, also those inside loaders: for a whole request.
   *
   * Throws BadTokenError.
   *
   * @example await cache.withToken(request.headers['freshet-token'], () => handle(request))
   */
  withToken<T>(token: string | undefined, run: () => T): T {
    return currentToken.run(token === undefined ? undefined : readToken(token), run)
  }

  /**
   * A key by its template's name, for programs that have no typed keys: catalogs from JSON, the warmer.
   *
   * Throws KeyWithoutCatalogError when the catalog has no such template.
   */
  key(template: string, parameters: Readonly<Record<string, Scalar | Query>>): TypedKey {
    const { catalog } = this.parts
    const compiled = catalog.templates.get(template)
    if (compiled === undefined) throw new KeyWithoutCatalogError(template, catalog.owner)
    const { ttlMs, staleWhileRevalidateMs: windowMs } = compiled
    const options = { ttl: `${ttlMs}ms`, ...(windowMs > 0 && { staleWhileRevalidate: `${windowMs}ms` }) }
    const definition = { text: compiled.template.text, name: template, options }
    return { definition, template, parameters }
  }

  /**
   * Resolves once the catalog is in force; from then on values are stored.
   *
   * Throws CatalogNotInForceError after `timeoutMs` (30,000).
   */
  async inForce({ timeoutMs = 30_000 }: { readonly timeoutMs?: number } = {}): Promise<CatalogInForce> {
    return this.parts.watch.wait(timeoutMs, this.#open())
  }

  /**
   * Publishes the catalog and resolves once it is accepted; `inForce` waits on. Registering identical content again
   * changes nothing.
   *
   * Throws CatalogRefusedError with every fault, RegistrationTimeoutError after `timeoutMs` (30,000), and
   * KafkaNotConfiguredError when the client was opened without Kafka.
   */
  async register(options: RegisterOptions = {}): Promise<void> {
    return this.parts.register(options, this.#open())
  }

  health(): CacheHealth {
    const { watch, l1State, l2State } = this.parts
    return { inForce: watch.record !== undefined, l1: l1State(), l2: l2State() }
  }

  /**
   * What one layer would serve for a key now: nothing is filled. Undefined where it holds nothing that it may serve; so
   * always before the catalog is in force. `source` is the template's loader on the primary, and what it reads through
   * this cache is loaded too. For checkers and debugging, not for reads.
   *
   * Throws KeyWithoutCatalogError, UnencodableParameterError; for L2 ValuesUnavailableError; for the source as `get`.
   */
  async peek(layer: Layer, key: TypedKey): Promise<Reading<unknown> | undefined> {
    this.#open()
    if (layer === 'source') return pastEveryLayer.run(true, () => this.read(key))
    const { catalog, watch, reader } = this.parts
    const inForce = watch.record ?? (await watch.find())
    if (!inForce) return undefined
    const address = addressOf(catalog, key, inForce.parameterKinds)
    const held = await reader.peek(layer, address, this.#budgetsOf(address))
    return held && readingOf(held, { layer, vouched: true })
  }

  /** The keys of everything in this process's memory. */
  keysInL1(): readonly TypedKey[] {
    return this.parts.reader.addressesInMemory().map(({ template, key }) => this.key(template.name, key.parameters))
  }

  /**
   * The keys of what is in Redis for this catalog, their parameters as text, in no order, some perhaps twice. Of a long
   * query only its digest is left: such a key's text goes to `onDigest`. Throws ValuesUnavailableError.
   */
  async *keysInL2(onDigest: (keyText: string) => void = () => undefined): AsyncIterable<TypedKey> {
    const { catalog, values } = this.parts
    const templates = new Map([...catalog.templates.values()].map((each) => [each.fingerprint, each]))
    for await (const { fingerprint, keyText } of values.addresses()) {
      const found = templates.get(fingerprint)
      if (found === undefined) continue // of another catalog
      const parameters = parseKey(found.template, keyText)
      if (parameters) yield this.key(found.name, parameters)
      else onDigest(keyText)
    }
  }

  /** Aborts the loads under way and closes every connection that the client opened. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort(new CacheClosedError())
    await this.parts.flights.close()
    await this.parts.close()
  }

  #budgetsOf({ template: { name } }: Address): LayerBudgets {
    return this.parts.budgets.get(name) ?? missing(name)
  }

  /** Throws CacheClosedError. */
  #open(): AbortSignal {
    this.#closing.signal.throwIfAborted()
    return this.#closing.signal
  }

  #read(
    key: TypedKey,
    load: Load<unknown, never> | ReadOptions | undefined,
    given: LoadingReadOptions | undefined,
  ): Found | Promise<Found> {
    this.#open()
    const { watch } = this.parts
    if (watch.record) return this.#readUnder(watch.record, key, load, given)
    return watch.find().then((found) => this.#readUnder(found, key, load, given))
  }

  #readUnder(
    inForce: CatalogInForce | undefined,
    key: TypedKey,
    load: Load<unknown, never> | ReadOptions | undefined,
    given: LoadingReadOptions | undefined,
  ): Found | Promise<Found> {
    const { catalog, flights, reader, accesses } = this.parts
    const own = typeof load === 'function'
    const loadsOnly = pastEveryLayer.getStore() ?? false
    const options: LoadingReadOptions = (own ? given : load) ?? {}
    const address = addressOf(catalog, key, inForce?.parameterKinds)
    const loader = own
      ? { load: load as Load<unknown>, source: options.source ?? 'primary' }
      : (this.#loaders.get(address.template.name) ?? missing(address.template.name))
    const inTransaction = loadsOnly || (options.inTransaction ?? false)
    const usesMemory = inForce !== undefined && (options.layers?.includes('l1') ?? true)
    const found = reader.read({
      address,
      load: loader.load,
      source: loadsOnly && loader.source !== 'none' ? 'primary' : loader.source,
      usesMemory,
      readsMemory: usesMemory && !options.fresh && !inTransaction,
      usesShared: options.layers?.includes('l2') ?? true,
      inTransaction,
      onlyIfStorable: options.onlyIfStorable ?? false,
      freshOnly: (options.fresh ?? false) || !(options.layers?.includes('l1') ?? true),
      budgets: this.#budgetsOf(address),
      ttlMs: Math.max(address.template.ttlMs, options.ttlMs ?? 0),
      token: options.token === undefined ? currentToken.getStore() : readToken(options.token),
      // Begun only now: L1 is marked in the same turn, and a flight that departed before that mark must not be boarded.
      ticket: flights.ticket(),
    })
    // What asks no layer, as checkers do, makes no key hot.
    if (!inTransaction) accesses?.count(address, found)
    return found
  }
}

function missing(template: string): never {
  throw new LoaderMissingError(template)
}
