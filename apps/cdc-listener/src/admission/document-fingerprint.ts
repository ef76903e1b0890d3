import { createHash } from 'node:crypto'
import { canonicalJson } from '@freshet/catalog'
import type { CatalogDocument } from '@freshet/events'

/** The fingerprint that a catalog of this content has, also where the content is no valid catalog. */
export const documentFingerprint = (document: CatalogDocument): string =>
  createHash('sha256').update(canonicalJson(document)).digest('hex')
