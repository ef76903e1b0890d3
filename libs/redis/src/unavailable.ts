/**
 * A command of the fence store has no good answer: the connection is gone, was replaced, or answered with an error.
 * Whatever was under way must begin anew from the cursors, read in a new session (R13).
 */
export class FenceUnavailableError extends Error {
  readonly code: string = 'FENCE_UNAVAILABLE'
  override readonly name: string = 'FenceUnavailableError'

  constructor(
    readonly operation: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(
      `Redis did not confirm "${operation}": ${reason}. Open a new session, read the cursors and go on from there.`,
      options,
    )
  }
}

/** Fewer replicas than demanded have what was fenced (`wait`): the work begins anew, as after any other error. */
export class ReplicasBehindError extends FenceUnavailableError {
  override readonly code = 'REPLICAS_BEHIND'
  override readonly name = 'ReplicasBehindError'

  constructor(
    readonly acknowledged: number,
    readonly demanded: number,
    readonly timeoutMs: number,
  ) {
    super(
      'wait for replicas',
      `${acknowledged} of ${demanded} replicas acknowledged within ${timeoutMs} ms; ` +
        'bring replicas back, or demand fewer (FRESHET_REDIS_WAIT_REPLICAS)',
    )
  }
}

/** A command of the value store has no good answer; the source must answer instead, and nothing is stored. */
export class ValuesUnavailableError extends Error {
  readonly code = 'VALUES_UNAVAILABLE'
  override readonly name = 'ValuesUnavailableError'

  constructor(
    readonly operation: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`Redis did not answer "${operation}": ${reason}. Load from the source, and do not store.`, options)
  }
}
