/** The server refused to stream, or ended the stream, and said why. */
export class ReplicationRefusedError extends Error {
  readonly code = 'REPLICATION_REFUSED'
  constructor(
    readonly slotName: string,
    readonly sqlState: string,
    readonly reason: string,
  ) {
    super(`slot "${slotName}" cannot be streamed: ${reason} (SQLSTATE ${sqlState})`)
    this.name = 'ReplicationRefusedError'
  }
}

/** The connection of a stream ended though nobody asked for it. */
export class ReplicationLostError extends Error {
  readonly code = 'REPLICATION_LOST'
  constructor(
    readonly slotName: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(
      `the stream of slot "${slotName}" was lost: ${reason}; reconnect, it goes on where it was last acknowledged`,
      options,
    )
    this.name = 'ReplicationLostError'
  }
}

/** Reads an ErrorResponse: fields of a letter and a text each. */
export function refusalOf(slotName: string, body: Buffer): ReplicationRefusedError {
  const fields = new Map(
    body
      .toString('utf8')
      .split('\0')
      .filter((field) => field !== '')
      .map((field) => [field.slice(0, 1), field.slice(1)]),
  )
  return new ReplicationRefusedError(slotName, fields.get('C') ?? 'XX000', fields.get('M') ?? 'no reason given')
}
