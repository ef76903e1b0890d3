import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { catalogFromJson, type Catalog } from '@freshet/catalog'
import type { Pool } from 'pg'
import type { Cache } from './cache.js'
import { isKeyLists, type KeyLists } from './key-lists.js'

export type { KeyList, KeyLists, ListedKey } from './key-lists.js'
export { registerSqlLoaders, sqlTemplates } from './sql-loaders.js'

/**
 * What a module named by `FRESHET_LOADERS` exports: one service's catalog and its loaders, the same that the service
 * itself reads through. `@freshet/members-catalog` is one.
 *
 * @example
 * export const catalog = membersCatalog
 * export function registerLoaders(cache, { pool }) {
 *   cache.loader(keys.balance, async ({ id }) => loadBalance(pool, id))
 * }
 */
export interface LoaderModule {
  readonly catalog: Catalog
  /** Called once at start, to give a cache of the warmer's or auditor's a loader for every template. */
  registerLoaders(cache: Cache, sources: LoaderSources): void
  /** By template: where its keys come from, for `freshet warm`; where the catalog's tables do not tell, or tell too much. */
  readonly keyLists?: KeyLists
  /** The catalog without rules for one template: only a module that takes part in the demo's `--break-rule` has it. */
  catalogWithout?(template: string): Catalog
}

/** What loaders are lent. A module that needs more opens it itself; the auditor cannot put that under its snapshot. */
export interface LoaderSources {
  /** On the primary that `FRESHET_POSTGRES_URL` names. */
  readonly pool: Pool
}

/** `FRESHET_LOADERS` names no module that can be used. */
export class LoaderModuleError extends Error {
  readonly code = 'LOADER_MODULE'

  constructor(
    readonly specifier: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(
      `FRESHET_LOADERS=${specifier}: ${reason}; name a package, or the path of a module, that exports catalog and registerLoaders`,
      options,
    )
    this.name = 'LoaderModuleError'
  }
}

/**
 * Imports a loader module: a path (with a slash first or a dot, relative to `folder`) or a package, looked for from
 * `folder` and then from the warmer's own place. Of a `.json` file, a catalog, only its SQL can load.
 *
 * Throws LoaderModuleError when it cannot be imported or lacks an export.
 */
export async function importLoaderModule(specifier: string, folder: string): Promise<LoaderModule> {
  if (specifier.endsWith('.json')) return catalogAlone(specifier, folder)
  const exported = await importFrom(specifier, folder).catch((error: unknown) => {
    throw new LoaderModuleError(
      specifier,
      `it cannot be imported (${error instanceof Error ? error.message : String(error)})`,
      { cause: error },
    )
  })
  if (!isLoaderModule(exported))
    throw new LoaderModuleError(specifier, `it exports ${Object.keys(exported).join(', ') || 'nothing'}`)
  return exported
}

async function catalogAlone(specifier: string, folder: string): Promise<LoaderModule> {
  try {
    const catalog = catalogFromJson(JSON.parse(await readFile(resolve(folder, specifier), 'utf8')))
    return { catalog, registerLoaders: () => undefined }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new LoaderModuleError(specifier, `it is no catalog that can be used (${reason})`, { cause })
  }
}

async function importFrom(specifier: string, folder: string): Promise<object> {
  return (await import(locate(specifier, folder))) as object
}

function locate(specifier: string, folder: string): string {
  if (specifier.startsWith('file:')) return specifier
  if (/^\.{0,2}\//.test(specifier)) return pathToFileURL(resolve(folder, specifier)).href
  try {
    return pathToFileURL(createRequire(join(folder, 'package.json')).resolve(specifier)).href
  } catch {
    return specifier // not installed there: perhaps beside the warmer
  }
}

function isLoaderModule(exported: object): exported is LoaderModule {
  return (
    'registerLoaders' in exported &&
    typeof exported.registerLoaders === 'function' &&
    'catalog' in exported &&
    typeof exported.catalog === 'object' &&
    exported.catalog !== null &&
    'fingerprint' in exported.catalog &&
    (!('catalogWithout' in exported) || typeof exported.catalogWithout === 'function') &&
    (!('keyLists' in exported) || isKeyLists(exported.keyLists))
  )
}
