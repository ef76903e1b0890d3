import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CatalogInvalidError, validateCatalog, type Catalog, type Validation } from '@freshet/catalog'

/** A catalog cannot be read from where it was said to be. */
export class CatalogSourceError extends Error {
  readonly code = 'CATALOG_SOURCE'
  constructor(
    readonly source: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`No catalog in ${source}: ${reason}`, options)
    this.name = 'CatalogSourceError'
  }
}

/**
 * Judges the catalog in a JSON file, or in a module (a path to one, or an installed package) that exports one: by default,
 * as `catalog`, or as its only export that is one.
 *
 * Throws CatalogSourceError when there is nothing to judge.
 */
export async function judgeCatalog(source: string): Promise<Validation> {
  try {
    return validateCatalog(source.endsWith('.json') ? await fromFile(source) : await fromModule(source))
  } catch (error) {
    // `catalog(...)` judges as it builds, so that importing its module fails.
    if (error instanceof Error && error.cause instanceof CatalogInvalidError) return { faults: error.cause.faults }
    throw error
  }
}

/** As `judgeCatalog`; throws CatalogInvalidError with every fault where it has any. */
export async function validCatalog(source: string): Promise<Catalog> {
  const judged = await judgeCatalog(source)
  if (judged.catalog === undefined) throw new CatalogInvalidError(judged.faults)
  return judged.catalog
}

async function fromFile(source: string): Promise<unknown> {
  const text = await readFile(source, 'utf8').catch((cause: Error) => {
    throw new CatalogSourceError(source, cause.message, { cause })
  })
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new CatalogSourceError(source, cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

async function fromModule(source: string): Promise<unknown> {
  const exported = (await import(moduleUrl(source)).catch((cause: Error) => {
    throw new CatalogSourceError(source, cause.message, { cause })
  })) as Record<string, unknown>
  const named = exported['default'] ?? exported['catalog']
  const found = isCatalog(named) ? [named] : Object.values(exported).filter(isCatalog)
  const [only] = found
  if (!only)
    throw new CatalogSourceError(
      source,
      `it exports no catalog; export what catalog(...) returns, by default or as "catalog"`,
    )
  if (found.length > 1)
    throw new CatalogSourceError(
      source,
      `it exports ${found.length} catalogs; export the one that is meant by default or as "catalog"`,
    )
  return only.json
}

function moduleUrl(source: string): string {
  const isPath = /^(\.{0,2}\/|[a-z]:\\)/i.test(source) || /\.[cm]?[jt]s$/.test(source)
  if (isPath) return pathToFileURL(resolve(source)).href
  try {
    return pathToFileURL(createRequire(pathToFileURL(resolve('package.json'))).resolve(source)).href
  } catch (cause) {
    throw new CatalogSourceError(
      source,
      'it is neither a .json file, nor a path to a module, nor an installed package',
      { cause },
    )
  }
}

const isCatalog = (value: unknown): value is { json: unknown; fingerprint: string } =>
  typeof value === 'object' && value !== null && 'json' in value && 'fingerprint' in value
