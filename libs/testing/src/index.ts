export { FakeRedisServer } from './fake-redis.js'
export { redisContract, type RedisUnderTest } from './redis-contract.js'
