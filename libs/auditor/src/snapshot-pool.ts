import { AsyncLocalStorage } from 'node:async_hooks'
import { StandbyRefusedError, withConnection } from '@freshet/postgres'
import type pg from 'pg'

/** What ended under a snapshot, and how many statements it sent there. */
export interface UnderSnapshot<T> {
  readonly result: T
  readonly statements: number
}

/**
 * A pool for loaders, by which several loads can be put under one snapshot of the primary: what runs inside `under` sends
 * all its statements over one connection, in a transaction of the kind REPEATABLE READ, READ ONLY. Transactions that a
 * loader opens itself are part of that one. Outside `under` it is the pool that it was made of.
 */
export class SnapshotPool {
  /** To be given to loaders. */
  readonly pool: pg.Pool
  readonly #current = new AsyncLocalStorage<Pinned>()

  constructor(private readonly real: pg.Pool) {
    this.pool = new Proxy(real, {
      get: (target, name) => {
        const pinned = this.#current.getStore()
        if (pinned && name === 'query') return pinned.query
        if (pinned && name === 'connect') return pinned.connect
        const found: unknown = Reflect.get(target, name, target)
        return typeof found === 'function' ? (found.bind(target) as unknown) : found
      },
    })
  }

  /** Throws what the work throws, what Postgres says, and StandbyRefusedError on a server in recovery. */
  async under<T>(work: () => Promise<T>): Promise<UnderSnapshot<T>> {
    const rollback = (client: pg.PoolClient) => client.query('rollback')
    return withConnection(
      this.real,
      async (client) => {
        await begin(client)
        const pinned = new Pinned(client)
        const result = await this.#current.run(pinned, work)
        return { result, statements: pinned.statements }
      },
      rollback,
    )
  }
}

async function begin(client: pg.ClientBase): Promise<void> {
  await client.query('begin isolation level repeatable read, read only')
  const { rows } = await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby')
  if (rows[0]?.standby) throw new StandbyRefusedError('an audit')
}

type Query = (...given: readonly unknown[]) => unknown
type Callback = (error: unknown, result?: unknown) => void

/** A connection whose transaction is not the loader's to begin or end. */
class Pinned {
  statements = 0
  #last: Promise<unknown> = Promise.resolve()

  constructor(private readonly client: pg.ClientBase) {}

  readonly query: Query = (...given) => {
    const callback = given.at(-1)
    if (typeof callback !== 'function') return this.#send(given)
    const told = callback as Callback
    ;(this.#send(given.slice(0, -1)) as Promise<unknown>).then(
      (result) => told(undefined, result),
      (error: unknown) => told(error),
    )
    return undefined
  }

  readonly connect = (callback?: (error: undefined, client: unknown, release: () => void) => void): unknown => {
    const lent = new Proxy(this.client, {
      get: (target, name) => {
        if (name === 'query') return this.query
        if (name === 'release') return doNothing
        const found: unknown = Reflect.get(target, name, target)
        return typeof found === 'function' ? (found.bind(target) as unknown) : found
      },
    })
    return callback ? callback(undefined, lent, doNothing) : Promise.resolve(lent)
  }

  /** One after the other, as a pool's connections need not. */
  #send(given: readonly unknown[]): unknown {
    const [statement] = given
    if (isTransactionControl(textOf(statement))) return Promise.resolve({ rows: [], rowCount: 0, fields: [] })
    this.statements++
    const query = this.client.query.bind(this.client) as Query
    if (isSubmittable(statement)) return query(...given)
    const sent = this.#last.then(() => query(...given))
    this.#last = sent.catch(doNothing)
    return sent
  }
}

const doNothing = (): void => undefined

const textOf = (statement: unknown): string => {
  if (typeof statement === 'string') return statement
  return hasText(statement) ? statement.text : ''
}

const hasText = (statement: unknown): statement is { readonly text: string } =>
  typeof statement === 'object' && statement !== null && 'text' in statement && typeof statement.text === 'string'

/** A cursor or a stream, which is returned as it is. */
const isSubmittable = (statement: unknown): boolean =>
  typeof statement === 'object' && statement !== null && 'submit' in statement

const isTransactionControl = (text: string): boolean =>
  /^\s*(begin|start\s+transaction|set\s+transaction|commit|end|abort|rollback(?!\s+to\b|\s+transaction\s+to\b))\b/i.test(
    text,
  )
