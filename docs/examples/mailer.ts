import 'reflect-metadata'
import type { DomainEventRecord } from '@freshet/events'
import { connectKafka } from '@freshet/kafka'
import { FreshetKafkaStrategy, OnRecord } from '@freshet/service-kit'
import { Controller, Module, type INestMicroservice } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { Payload, type MicroserviceOptions } from '@nestjs/microservices'

// #region handler
@Controller()
export class Mailer {
  readonly sent: string[] = []

  /** Called once for each payment, in the order of a sale's changes; after an error the same record comes again. */
  @OnRecord('sale.events.v1', 'sale.paid')
  async onPaid(@Payload() { values }: DomainEventRecord): Promise<void> {
    this.sent.push(`sale ${String(values['id'])} is paid`)
  }
}

@Module({ controllers: [Mailer] })
class MailerModule {}

export async function startMailer(broker: string): Promise<INestMicroservice> {
  const kafka = connectKafka({ brokers: [broker], clientId: 'mailer' })
  const strategy = new FreshetKafkaStrategy({ kafka, groupId: 'mailer' })
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(MailerModule, { strategy, logger: false })
  await app.listen()
  return app
}
// #endregion
