import type { DomainEventRecord } from '@freshet/events'
import { connectKafka } from '@freshet/kafka'
import { FreshetKafkaStrategy, OnRecord } from '@freshet/service-kit'
import { Controller, Module, type INestMicroservice } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { Payload } from '@nestjs/microservices'

/** Any service of yours that sends a mail for each completed payment. It needs nothing else of Freshet. */
export async function startMailer(
  brokers: string[],
  sendMail: (paymentId: unknown) => Promise<void>,
): Promise<INestMicroservice> {
  @Controller()
  class Receipts {
    @OnRecord('payment.events.v1', 'payment.completed')
    async completed(@Payload() event: DomainEventRecord): Promise<void> {
      await sendMail(event.values.id)
    }
  }

  @Module({ controllers: [Receipts] })
  class MailerModule {}

  const kafka = connectKafka({ brokers, clientId: 'mailer' })
  const strategy = new FreshetKafkaStrategy({ kafka, groupId: 'mailer' })
  const app = await NestFactory.createMicroservice(MailerModule, { strategy, logger: false })
  await app.listen()
  return app
}
