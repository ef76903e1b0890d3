/** Kafka did not acknowledge a batch. */
export class SendFailedError extends Error {
  readonly code = 'KAFKA_SEND_FAILED'
  constructor(
    readonly topics: readonly string[],
    readonly kafkaError: string,
    /** May the same records be sent again with hope (broker away), or never (too large, no permission)? */
    readonly retriable: boolean,
    options: ErrorOptions,
  ) {
    super(
      `Kafka did not acknowledge records for ${topics.join(', ')} (${kafkaError}); ${retriable ? 'send them again once it is back' : 'sending them again cannot help'}`,
      options,
    )
    this.name = 'SendFailedError'
  }
}

/** A request was neither answered nor refused. */
export class KafkaSilentError extends Error {
  readonly code = 'KAFKA_SILENT'
  constructor(readonly silenceMs: number) {
    super(`Kafka has not answered for ${silenceMs} ms; its connections are given up and opened anew`)
    this.name = 'KafkaSilentError'
  }
}

/** The topic does not exist. */
export class UnknownTopicError extends Error {
  readonly code = 'KAFKA_UNKNOWN_TOPIC'
  constructor(readonly topic: string) {
    super(`topic ${topic} does not exist at the broker; create it, or start the service that owns it`)
    this.name = 'UnknownTopicError'
  }
}

/** The port, producer or consumer was closed. */
export class KafkaClosedError extends Error {
  readonly code = 'KAFKA_CLOSED'
  constructor(readonly what: string) {
    super(`${what} is closed; open a new one`)
    this.name = 'KafkaClosedError'
  }
}

/** No broker of the list answers. */
export class KafkaUnreachableError extends Error {
  readonly code = 'KAFKA_UNREACHABLE'
  constructor(
    readonly brokers: readonly string[],
    readonly kafkaError: string,
    options: ErrorOptions,
  ) {
    super(
      `no Kafka broker answers at ${brokers.join(', ')} (${kafkaError}); start it, or correct FRESHET_KAFKA_BROKERS`,
      options,
    )
    this.name = 'KafkaUnreachableError'
  }
}
