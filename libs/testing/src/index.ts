export { FakeRedisServer } from './fake-redis.js'
export { FakeKafkaServer } from './fake-kafka.js'
export { kafkaContract, type KafkaUnderTest } from './kafka-contract.js'
export { redisContract, type RedisUnderTest } from './redis-contract.js'
