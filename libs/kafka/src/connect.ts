import type { KafkaOptions, KafkaPort } from './port.js'

/** Opens the port. Nothing is connected until a producer, consumer, reader or the admin is used. */
export declare function connectKafka(options: KafkaOptions): KafkaPort
