import { lsn, xid } from '@freshet/pgoutput'
import type { CommitToken, Moment } from '../../src/index.js'
import { Database, Standby } from './database.js'
import { drawFeatures, type Features } from './features.js'
import { Kafka } from './kafka.js'
import { catalogsWith, tableOf, type Catalogs } from './keys.js'
import type { Random } from './random.js'
import { Redis } from './redis.js'
import type { Switch } from './switches.js'

/** What an actor has just done, for the trace of a run. */
export type Step = string

/** A commit that a reader has heard of, and what it must see from then on. */
export interface KnownCommit {
  readonly token: CommitToken
  readonly row: number
  readonly version: number
}

/** Everything that the actors share. */
export class World {
  readonly database = new Database()
  readonly standby = new Standby(this.database)
  readonly features: Features
  readonly catalogs: Catalogs
  readonly redis: Redis
  readonly kafka: Kafka
  /** The watermark that the service heard last. */
  latest: Moment | undefined
  /** By table: the publication has it, and rows that are written from this transaction on are sent. */
  readonly publishedFrom: (number | undefined)[] = []
  /** The catalogs that stand in `catalogs.v1`. */
  readonly registered = new Set<number>()
  /** Those that the listener has announced: whoever loses one brings it into force again. */
  readonly accepted = new Set<number>()
  /** How often the partitions have changed hands. */
  rebalances = 0
  /** Redis's clock, in turns: for the expiry of windows alone. */
  now = 0
  /** For the judge: when a generation ended, and whether by a change; again where a failover had brought it back. */
  readonly ended = new Map<string, { readonly at: number; readonly byChange: boolean }[]>()
  readonly commits: KnownCommit[] = []
  /** What a reader got though a newer state had been promised. */
  readonly violations: string[] = []
  stored = 0
  hits = { l1: 0, l2: 0, joined: 0, token: 0, standby: 0, window: 0 }

  constructor(
    readonly random: Random,
    readonly without: Switch | undefined,
    given?: Partial<Features>,
  ) {
    this.features = drawFeatures(random, given)
    this.catalogs = catalogsWith(this.features.second)
    this.redis = new Redis(this.features, this.catalogs)
    this.kafka = new Kafka(this.features.partitions)
    for (const catalog of this.catalogs.all.keys()) {
      const isHere = catalog === 0 ? !random.onceIn(5) : this.features.isSecondInForce
      if (!isHere) continue
      this.registered.add(catalog)
      this.accepted.add(catalog)
      for (const table of this.catalogs.tablesOf(catalog)) this.publishedFrom[table] = 0
    }
    if (!random.onceIn(12)) this.redis.beginCalmly(this.accepted, this.features.partitions)
  }
}

/** How many instances of the service there are. */
export const instances = 2

/** Transactions of every kind, one after the other. */
export function* writer(world: World, transactions: number): Generator<Step, void> {
  const { database, random } = world
  for (let count = 0; count < transactions;) {
    const begun = database.begin(
      random.oneOf(world.catalogs.all.length > 1 ? [[0], [1], [0, 1], [2], [0, 2]] : [[0], [1], [0, 1]]),
    )
    const after = world.without === "a token is its transaction's id alone" ? lsn(0n) : lsn(database.moment.lsn)
    yield 'begun'
    if (begun === undefined) continue
    count += 1
    if (random.onceIn(8)) {
      database.abort(begun)
      yield 'aborted'
      continue
    }
    if (!database.isOpen(begun)) continue // a crash took it
    database.commit(begun)
    yield 'committed'
    database.show(begun)
    yield 'visible'
    const token = random.onceIn(2)
      ? { systemId: 's', timeline: 1, xid: xid(BigInt(begun.xid)), after }
      : { systemId: 's', timeline: 1, lsn: lsn(database.moment.lsn) }
    for (const [at, row] of begun.rows.entries()) world.commits.push({ token, row, version: begun.versions[at] ?? 0 })
  }
}

/** Hands the flushed log to Kafka, with watermarks in between; begins again at its last one after a crash of its own. */
export function* listener(world: World): Generator<Step, void> {
  const { database, kafka, random } = world
  let at = 0
  let confirmed = 0
  let open: Moment | undefined
  let { crashes } = database
  let announced = 0
  for (;;) {
    if (crashes !== database.crashes) {
      crashes = database.crashes // its connection was cut; what it had of the log before is not passed any more
      at = confirmed
      open = undefined
    }
    const coming = world.catalogs.all.findIndex((_, catalog) => !world.accepted.has(catalog))
    if (coming >= 0 && random.onceIn(announced === 0 ? 4 : 16)) {
      world.registered.add(coming)
      yield 'registered'
      for (const table of world.catalogs.tablesOf(coming)) world.publishedFrom[table] ??= database.nextId
      yield 'published'
      announced += 1
      let isCut = false // between two partitions
      for (const log of kafka.logs) {
        if ((isCut ||= log !== kafka.log(0) && random.onceIn(4))) continue
        log.push({ kind: 'in-force', catalog: coming, announcement: announced })
        yield 'announced'
      }
      if (!isCut) world.accepted.add(coming) // else it begins anew
    }
    if (open === undefined && random.onceIn(3)) {
      open = database.moment
      yield 'snapshot'
    }
    const entry = database.flushedEntry(at)
    if (open && (entry === undefined ? database.isFlushed(open.lsn) : BigInt(entry.lsn) > open.lsn)) {
      const moment = open
      open = undefined
      const before = at
      for (const log of kafka.logs) {
        log.push({ kind: 'watermark', moment })
        yield 'watermark'
      }
      confirmed = before
    } else if (entry) {
      at += 1
      if (entry.kind !== 'commit') continue
      for (const [place, row] of entry.rows.entries()) {
        if (entry.xid < (world.publishedFrom[tableOf(row)] ?? Infinity)) continue
        kafka.log(kafka.partitionOf(row)).push({
          kind: 'change',
          xid: xid(BigInt(entry.xid)),
          lsn: lsn(BigInt(entry.lsn)),
          row,
          version: entry.versions[place] ?? 0,
          wholeTemplate: entry.lsn % 5 === 0,
        })
      }
      yield 'sent'
    } else yield 'idle'
    if (random.onceIn(40)) {
      at = confirmed
      open = undefined
      yield 'restarted'
    }
  }
}
