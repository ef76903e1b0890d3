import { decode, typeOf, UnreadableRecordError } from '@freshet/events'
import type { BatchContext, IncomingBatch, IncomingRecord } from '@freshet/kafka'
import type { MessageHandler } from '@nestjs/microservices'
import { isObservable, lastValueFrom } from 'rxjs'
import { FreshetKafkaContext, type RecordPayload } from './context.js'
import type { Wanted } from './decorators.js'
import { RecordProgress } from './record-progress.js'
import { isGlob, matchesAny } from './topic-globs.js'

/** A handler of the application and what it asked for. */
export interface Route {
  readonly wanted: Wanted
  readonly handler: MessageHandler
}

/** Takes a record that cannot be read, and that no handler sees therefore. What it throws makes the record come again. */
export type OnUnreadable = (record: IncomingRecord, error: UnreadableRecordError) => void | Promise<void>

/** Hands batches, and their single records, to the handlers that asked for them. */
export class Dispatch {
  readonly #progress = new RecordProgress()

  constructor(
    private readonly routes: readonly Route[],
    private readonly onUnreadable: OnUnreadable,
  ) {}

  /** Topics that handlers name in full. */
  get topics(): readonly string[] {
    return this.#named.filter((topic) => !isGlob(topic))
  }

  get globs(): readonly string[] {
    return this.#named.filter(isGlob)
  }

  /** Rejects with what the first failing handler threw. */
  async handle(batch: IncomingBatch, context: BatchContext): Promise<void> {
    const routes = this.routes.filter(({ wanted }) => !wanted.topics || matchesAny(batch.topic, wanted.topics))
    for (const { wanted, handler } of routes)
      if (wanted.freshet === 'batch') await completionOf(handler, batch, new FreshetKafkaContext(batch, context))
    const ofRecords = routes.filter(({ wanted }) => wanted.freshet === 'record')
    if (ofRecords.length > 0) await this.#handleRecords(batch, context, ofRecords)
  }

  async #handleRecords(batch: IncomingBatch, context: BatchContext, routes: readonly Route[]): Promise<void> {
    const from = this.#progress.begin(batch)
    for (const record of batch.records) {
      if (record.offset < from) continue
      // Another member has the partition by now, or will have it: it begins at what is committed.
      if (context.signal.aborted) throw new PartitionLostError(batch.topic, batch.partition)
      await this.#handleRecord(record, new FreshetKafkaContext(batch, context, record), routes)
      this.#progress.handled(batch, record.offset)
    }
    this.#progress.end(batch)
  }

  async #handleRecord(record: IncomingRecord, context: FreshetKafkaContext, routes: readonly Route[]): Promise<void> {
    const payload = await this.#read(record)
    if (!payload) return
    const type = typeOf(payload)
    for (const { wanted, handler } of routes)
      if (wanted.type === undefined || wanted.type === type) await completionOf(handler, payload, context)
  }

  async #read(record: IncomingRecord): Promise<RecordPayload | undefined> {
    try {
      const decoded = decode(record.value, record.topic)
      return decoded.kind === 'unknown' ? undefined : decoded
    } catch (error) {
      if (!(error instanceof UnreadableRecordError)) throw error
      await this.onUnreadable(record, error)
      return undefined
    }
  }

  get #named(): readonly string[] {
    return [...new Set(this.routes.flatMap(({ wanted }) => wanted.topics ?? []))]
  }
}

/** The partition was taken away while its batch was being handled. */
export class PartitionLostError extends Error {
  readonly code = 'PARTITION_LOST'
  constructor(
    readonly topic: string,
    readonly partition: number,
  ) {
    super(`${topic}/${partition} was taken away; its next owner goes on behind what was committed`)
    this.name = 'PartitionLostError'
  }
}

/** An Observable's error would be lost if nobody waited for its end. */
async function completionOf(handler: MessageHandler, payload: unknown, context: FreshetKafkaContext): Promise<void> {
  const result: unknown = await handler(payload, context)
  if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined })
}
