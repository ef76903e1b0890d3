/** The catalogs' topic is not read to its end yet: what a partition's next records mean cannot be told. */
export class CatalogsBehindError extends Error {
  readonly code = 'CATALOGS_BEHIND'
  constructor(
    readonly topic: string,
    readonly waitedMs: number,
  ) {
    super(`${topic} could not be read to its end within ${waitedMs} ms; partitions are placed once it is`)
    this.name = 'CatalogsBehindError'
  }
}
