/** A change topic says that a catalog comes into force which `catalogs.v1` does not hold. */
export class CatalogUnknownError extends Error {
  readonly code = 'CATALOG_UNKNOWN'
  constructor(
    readonly wanted: { readonly owner: string; readonly version: string; readonly fingerprint: string },
    readonly foundFingerprint: string | undefined,
  ) {
    super(
      `catalog ${wanted.owner}@${wanted.version} (${wanted.fingerprint}) is to come into force, but catalogs.v1 ` +
        `${foundFingerprint === undefined ? 'does not hold it' : `holds it as ${foundFingerprint}`}; register it again`,
    )
    this.name = 'CatalogUnknownError'
  }
}
