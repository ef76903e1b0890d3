import { isDeepStrictEqual } from 'node:util'
import { loaders, type TemplateName } from '@freshet/members-catalog'
import type pg from 'pg'

/** A key as the API's demo endpoints name it. */
export interface NamedKey {
  readonly template: TemplateName
  readonly parameters: Readonly<Record<string, unknown>>
}

/** A cached value that is not what the database holds. */
export interface StaleValue {
  readonly layer: string
  readonly key: NamedKey
  readonly cached: unknown
  readonly fresh: unknown
}

/** What one layer held, compared with fresh loads. */
export interface LayerVerdict {
  readonly layer: string
  readonly checked: number
  readonly checkedByTemplate: Readonly<Partial<Record<TemplateName, number>>>
  /** Values that were filled before the first write, and so say nothing. */
  readonly skipped: number
  readonly stale: readonly StaleValue[]
}

/** A value as a layer holds it. */
export interface Held {
  readonly value: unknown
  /** In milliseconds since 1970. */
  readonly loadedAtMs: number
}

const atOnce = 500

/**
 * Reads what a layer of an API instance would serve, without loading, and compares it with loads of its own from the
 * database. Values filled before `since` (milliseconds since 1970) are left out.
 */
export async function checkLayer(
  api: string,
  layer: 'l1' | 'l2',
  keys: readonly NamedKey[],
  since: number,
  pool: pg.Pool,
): Promise<LayerVerdict> {
  const stale: StaleValue[] = []
  const checkedByTemplate: Partial<Record<TemplateName, number>> = {}
  let skipped = 0
  for (let from = 0; from < keys.length; from += atOnce) {
    const some = keys.slice(from, from + atOnce)
    const held = await readHeld(api, layer, some)
    await Promise.all(
      some.map(async (key, at) => {
        const value = held[at]
        if (!value) return
        if (value.loadedAtMs < since) {
          skipped += 1
          return
        }
        const fresh: unknown = JSON.parse(JSON.stringify(await load(pool, key)))
        checkedByTemplate[key.template] = (checkedByTemplate[key.template] ?? 0) + 1
        if (!isDeepStrictEqual(value.value, fresh)) stale.push({ layer, key, cached: value.value, fresh })
      }),
    )
  }
  const checked = Object.values(checkedByTemplate).reduce((sum, count) => sum + count, 0)
  return { layer, checked, checkedByTemplate, skipped, stale }
}

/** Every key in the memory of an API instance. */
export async function keysInL1(api: string): Promise<readonly NamedKey[]> {
  const { keys } = (await ask(`${api}/demo/l1/keys`)) as { keys: NamedKey[] }
  return keys
}

/** What a layer of an API instance would serve, in the order of the keys; null where it holds nothing. */
export async function readHeld(
  api: string,
  layer: 'l1' | 'l2',
  keys: readonly NamedKey[],
): Promise<readonly (Held | null)[]> {
  const { values } = (await ask(`${api}/demo/cached`, { layer, keys })) as { values: (Held | null)[] }
  return values
}

async function ask(url: string, body?: unknown): Promise<unknown> {
  const response = await fetch(
    url,
    body === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
  )
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`)
  return response.json()
}

function load(pool: pg.Pool, { template, parameters }: NamedKey): Promise<unknown> {
  const loader = loaders(pool)[template] as (parameters: NamedKey['parameters']) => Promise<unknown>
  return loader(parameters)
}
