import kafkajs, { type logCreator } from 'kafkajs'
import type { KafkaLog } from './port.js'

const { logLevel } = kafkajs

const levels = new Map<number, 'error' | 'warn' | 'info' | 'debug'>([
  [logLevel.ERROR, 'error'],
  [logLevel.WARN, 'warn'],
  [logLevel.INFO, 'info'],
  [logLevel.DEBUG, 'debug'],
])

/** A producer that has failed is replaced (see QueueingProducer): what this warns of cannot happen. */
const expected = 'Limiting retries for the idempotent producer'

/** Hands kafkajs' lines to the log that the port was given. */
export const logTo =
  (log: KafkaLog | undefined): logCreator =>
  () =>
  ({ level, namespace, log: { message, timestamp: _timestamp, ...facts } }) => {
    if (message.startsWith(expected)) return
    log?.({ level: levels.get(level) ?? 'debug', message: `${namespace}: ${message}`, facts })
  }
