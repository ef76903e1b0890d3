/** The server is in recovery, and only a primary can answer. */
export class StandbyRefusedError extends Error {
  readonly code = 'STANDBY_REFUSED'

  constructor(
    /** What was asked for. */
    readonly wanted: string,
  ) {
    super(
      `${wanted} can only be taken on a primary, but the server is in recovery; point the connection at the primary`,
    )
    this.name = 'StandbyRefusedError'
  }
}
