import { Kafka, logLevel, type Consumer } from 'kafkajs'

// #region consumer
/** Reads paid sales without any package of Freshet: the records are CloudEvents in JSON. */
export async function readPaid(broker: string, onPaid: (id: unknown) => void): Promise<Consumer> {
  const kafka = new Kafka({ brokers: [broker], clientId: 'ledger', logLevel: logLevel.WARN })
  const consumer = kafka.consumer({ groupId: 'ledger' })
  const seen = new Set<string>() // keep it where the effects are: a record may come twice, with the same source and id
  await consumer.connect()
  await consumer.subscribe({ topic: 'sale.events.v1', fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      if (message.value === null) return
      const event = JSON.parse(message.value.toString()) as { id: string; type: string; data: { key: { id: unknown } } }
      if (event.type !== 'sale.paid' || seen.has(event.id)) return
      onPaid(event.data.key.id)
      seen.add(event.id)
    },
  })
  return consumer
}
// #endregion
