import { bindKey, type BoundParameters } from '@freshet/cache-keys'
import type { ListedKey } from '@freshet/cache/loaders'
import type { RunKey } from '@freshet/cache-warmer/runs'
import { parametersAsSent } from '@freshet/events'
import type { Pool, PoolClient } from 'pg'
import { HeldCursor } from './held-cursor.js'
import type { KeySource, ListedTemplate } from './key-source.js'

/** The keys of one template, in pieces. */
export interface ListedKeys {
  /** Undefined where only the list itself knows, once it is at its end. */
  readonly total: number | undefined
  chunks(): AsyncIterable<readonly RunKey[]>
}

/** A template's keys could not be listed. */
export class KeyListError extends Error {
  readonly code = 'KEY_LIST'

  constructor(
    readonly template: string,
    readonly from: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`The keys of "${template}" cannot be read from ${from}: ${reason}`, options)
    this.name = 'KeyListError'
  }
}

/** Keys of a function's list are asked for in pieces of so many. */
const CHUNK = 100

/**
 * Opens a template's list. Queries run to their end now, at the server; their rows are fetched as `chunks` is read.
 *
 * Rejects with KeyListError, and so does `chunks`.
 */
export async function listKeys(
  template: ListedTemplate,
  source: KeySource,
  { pool, client, cursor }: { readonly pool: Pool; readonly client: PoolClient; readonly cursor: string },
): Promise<ListedKeys> {
  const failed = (error: unknown): KeyListError => {
    if (error instanceof KeyListError) return error
    const reason = error instanceof Error ? error.message : String(error)
    return new KeyListError(`${template.owner}/${template.name}`, source.from, reason, { cause: error })
  }
  const keys = (listed: readonly ListedKey[]): readonly RunKey[] => listed.map((each) => runKey(template, each))
  if ('list' in source) {
    const { list } = source
    return { total: undefined, chunks: () => through(() => inPieces(list({ pool })), keys, failed) }
  }
  try {
    const held = await HeldCursor.open<ListedKey>(client, cursor, source.sql)
    return { total: held.total, chunks: () => through(() => held.chunks(), keys, failed) }
  } catch (error) {
    throw failed(error)
  }
}

/** Throws UnencodableParameterError. */
export function runKey({ owner, name, template }: ListedTemplate, parameters: BoundParameters): RunKey {
  return { owner, template: name, key: bindKey(template, parameters).text, parameters: parametersAsSent(parameters) }
}

async function* through<From, To>(
  chunks: () => AsyncIterable<From>,
  map: (chunk: From) => To,
  failed: (error: unknown) => Error,
): AsyncIterable<To> {
  const all = chunks()[Symbol.asyncIterator]()
  const next = async (): Promise<IteratorResult<To, unknown>> => {
    try {
      const each: IteratorResult<From, unknown> = await all.next()
      return each.done ? { done: true, value: undefined } : { done: false, value: map(each.value) }
    } catch (error) {
      throw failed(error) // what is thrown into the loop below is not the list's
    }
  }
  try {
    for (let each = await next(); !each.done; each = await next()) yield each.value
  } finally {
    await all.return?.()
  }
}

async function* inPieces<Each>(all: AsyncIterable<Each> | Iterable<Each>): AsyncIterable<readonly Each[]> {
  let piece: Each[] = []
  for await (const each of all) {
    if (piece.push(each) < CHUNK) continue
    yield piece
    piece = []
  }
  if (piece.length > 0) yield piece
}
