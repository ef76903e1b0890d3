/** Bytes that are no message of the protocol: the stream cannot be trusted behind them. */
export class MalformedMessageError extends Error {
  readonly code = 'MALFORMED_MESSAGE'
  constructor(
    /** What was being read: `Insert`, `keepalive`. */
    readonly messageName: string,
    /** In bytes from the message's beginning. */
    readonly offset: number,
    readonly reason: string,
  ) {
    super(`${messageName} message is malformed at byte ${offset}: ${reason}; reconnect and read it again`)
    this.name = 'MalformedMessageError'
  }
}
