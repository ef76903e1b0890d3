import { CloudEvent, Kafka } from 'cloudevents'
import type { PlainRecord } from '../reading/plain-consumer.js'

/** The record as the `cloudevents` package reads it; undefined where it sees none. */
export function cloudEventOf({ headers, key, value }: PlainRecord): CloudEvent<unknown> | undefined {
  const message = { headers, key: key ?? '', value, body: value }
  if (!Kafka.isEvent(message)) return undefined
  const event = Kafka.toEvent<unknown>(message)
  return event instanceof CloudEvent ? event : undefined
}
