/** What kind of damage: the bytes are no JSON, the JSON is no CloudEvent, or its data lacks what its type promises. */
export type UnreadableFault = 'not-json' | 'not-a-cloudevent' | 'wrong-shape'

/** A record's value cannot be understood. It belongs into dead letters, and what it may have changed must be fenced (DESIGN 6, 11). */
export class UnreadableRecordError extends Error {
  readonly code = 'UNREADABLE_RECORD'
  constructor(
    readonly fault: UnreadableFault,
    /** For people: what was found where, `data.commit.lsn: expected a decimal string`. */
    readonly reason: string,
    readonly topic?: string,
  ) {
    super(
      `record ${topic === undefined ? '' : `of ${topic} `}is unreadable (${reason}); it belongs into the dead letters, and what it may have changed must be fenced`,
    )
    this.name = 'UnreadableRecordError'
  }
}
