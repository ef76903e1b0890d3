/** What a failed call to Kafka asks for. */
export interface Failure {
  /** Kafka's or kafkajs' name for it. */
  readonly name: string
  readonly retriable: boolean
  /** Did no broker answer at all? */
  readonly unreachable: boolean
}

/**
 * Errors that a later try cannot mend. Everything else (connections, elections, time-outs, sequence numbers of a producer
 * that was replaced since) may pass.
 */
const lasting = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_REQUIRED_ACKS',
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_COMPRESSION_TYPE',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
  'UNKNOWN_TOPIC_OR_PARTITION',
])

const silent = new Set([
  'KafkaSilentError',
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSBrokerNotFound',
  'KafkaJSNoBrokerAvailableError',
  'KafkaJSNumberOfRetriesExceeded',
])

/** The failure under kafkajs' wrappings. */
export function failureOf(error: unknown): Failure {
  const innermost = causeOf(error)
  if (!(innermost instanceof Error)) return { name: String(innermost), retriable: true, unreachable: false }
  const type = 'type' in innermost && typeof innermost.type === 'string' ? innermost.type : undefined
  const name = type ?? innermost.name
  return { name, retriable: !lasting.has(name), unreachable: silent.has(name) }
}

const causeOf = (error: unknown): unknown =>
  error instanceof Error && error.cause !== undefined && error.cause !== error ? causeOf(error.cause) : error
