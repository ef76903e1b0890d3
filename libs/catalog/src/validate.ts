import { compile } from './compile.js'
import type { Catalog } from './compiled.js'
import { CatalogInvalidError, type Fault } from './fault.js'
import { contextOf } from './validation/context.js'
import { checkDerivations } from './validation/derivations.js'
import { checkForeign } from './validation/foreign.js'
import { checkRules } from './validation/rules.js'
import { readShape } from './validation/shape.js'
import { checkTables } from './validation/tables.js'
import { checkTemplates } from './validation/templates.js'
import { warningsOf } from './validation/warnings.js'

/** A catalog with its doubts, or every fault. */
export type Validation =
  | { readonly catalog: Catalog; readonly warnings: readonly Fault[]; readonly faults?: undefined }
  | { readonly faults: readonly Fault[]; readonly catalog?: undefined }

/**
 * Checks a catalog as JSON: its shape, names, references and bindings. Finds all faults at once; parts of the wrong
 * shape do not hide the faults of others.
 */
export function validateCatalog(json: unknown): Validation {
  const shape = readShape(json)
  const context = contextOf(shape.parts, shape.faults)
  checkTables(context)
  checkForeign(context)
  checkTemplates(context)
  checkRules(context)
  checkDerivations(context)
  if (shape.json === undefined || context.faults.length > 0) return { faults: context.faults }
  const catalog = compile(shape.json, context.templates, [...context.wildcards.values()])
  return { catalog, warnings: warningsOf(catalog) }
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
