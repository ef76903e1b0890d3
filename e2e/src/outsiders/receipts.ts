import 'reflect-metadata'
import type { DomainEventRecord } from '@freshet/events'
import type { KafkaPort } from '@freshet/kafka'
import { FreshetKafkaStrategy, OnRecord } from '@freshet/service-kit'
import { Controller, Module, type INestMicroservice } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { Payload } from '@nestjs/microservices'

export const receiptsGroup = 'receipts'

/** Prints a receipt for each completed payment; throws at each event that it has not seen before. */
@Controller()
export class Receipts {
  static readonly handled: { readonly id: number; readonly lsn: bigint }[] = []
  static failures = 0
  private static readonly seen = new Set<string>()

  @OnRecord('payment.events.v1', 'payment.completed')
  completed(@Payload() event: DomainEventRecord): void {
    if (!Receipts.seen.has(event.id)) {
      Receipts.seen.add(event.id)
      Receipts.failures += 1
      throw new Error('the printer is out of paper')
    }
    Receipts.handled.push({ id: Number(event.values['id']), lsn: event.commit.lsn })
  }
}

@Module({ controllers: [Receipts] })
class ReceiptsModule {}

/** Somebody's own service, on Freshet's transport for Nest. */
export async function startReceipts(kafka: KafkaPort): Promise<INestMicroservice> {
  const strategy = new FreshetKafkaStrategy({ kafka, groupId: receiptsGroup, retryMs: 10 })
  const app = await NestFactory.createMicroservice(ReceiptsModule, { strategy, logger: false })
  await app.listen()
  return app
}
