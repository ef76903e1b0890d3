export { connectKafka } from './connect.js'
export { KafkaClosedError, KafkaUnreachableError, SendFailedError, UnknownTopicError } from './errors.js'
export { partitionOf } from './partitioner.js'
export type {
  BatchConsumer,
  BatchContext,
  BatchProducer,
  BroadcastOptions,
  BroadcastReader,
  Compression,
  ConsumerHealth,
  ConsumerOptions,
  IncomingBatch,
  IncomingRecord,
  KafkaAdmin,
  KafkaLog,
  KafkaOptions,
  KafkaPort,
  OutgoingRecord,
  PartitionOffsets,
  Place,
  Positions,
  ProducerOptions,
  TopicDescription,
  TopicPartition,
} from './port.js'
