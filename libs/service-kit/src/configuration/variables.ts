import { byteSize, duration, hostList, oneOf, postgresUrl, redisUrl, text, wholeNumber, yesOrNo } from './parsers.js'
import type { Variable } from './variable.js'

const name = text(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'lower-case letters, digits, - and _, at most 63')
const identifier = text(/^[a-z_][a-z0-9_]{0,62}$/, 'lower-case letters, digits and _, at most 63')
const image = text(/^\S+$/, 'the name of an image')
const path = text(/^\S.*$/, 'the path or package name of a module')

const variable = <T>(described: Variable<T>): Variable<T> => described

/**
 * Every variable of every service. A service reads those that it declares, and refuses a `FRESHET_` variable that is not
 * here, so that a misspelt one is not taken for left out; `.env.example` is made of this list.
 */
export const variables = {
  postgresUrl: variable({
    name: 'FRESHET_POSTGRES_URL',
    description: 'The primary whose changes are followed and whose snapshots are taken.',
    example: 'postgres://freshet:secret@127.0.0.1:5432/app',
    parse: postgresUrl,
  }),
  postgresStandbyUrl: variable({
    name: 'FRESHET_POSTGRES_STANDBY_URL',
    description:
      'A streaming standby of it, one server and no balancer. The members-api loads from it where it has replayed enough.',
    example: 'postgres://freshet:secret@127.0.0.1:5433/app',
    parse: postgresUrl,
  }),
  kafkaBrokers: variable({
    name: 'FRESHET_KAFKA_BROKERS',
    description: 'Brokers to begin with.',
    example: '127.0.0.1:9092',
    parse: hostList,
  }),
  redisUrl: variable({
    name: 'FRESHET_REDIS_URL',
    description:
      'Where values, generations and cursors lie; of a Cluster redis+cluster://host:port,host:port. Its eviction policy must not be one of allkeys-*.',
    example: 'redis://127.0.0.1:6379',
    parse: redisUrl,
  }),
  queueRedisUrl: variable({
    name: 'FRESHET_QUEUE_REDIS_URL',
    description: "Where the warmer's jobs lie, by default FRESHET_REDIS_URL. Its eviction policy must be noeviction.",
    example: 'redis://127.0.0.1:6380',
    parse: redisUrl,
  }),
  redisWaitReplicas: variable({
    name: 'FRESHET_REDIS_WAIT_REPLICAS',
    description: 'Replicas of each Redis master that must have a fence before it counts; 0 does not wait.',
    example: '1',
    default: '0',
    parse: wholeNumber(0, 10),
  }),
  redisWaitTimeout: variable({
    name: 'FRESHET_REDIS_WAIT_TIMEOUT',
    description: 'How long they may take before the batch begins anew; at most 4s.',
    example: '1s',
    default: '1s',
    parse: duration.refine((milliseconds) => milliseconds >= 1 && milliseconds <= 4_000, {
      error: 'must be from 1ms to 4s',
    }),
  }),
  namespace: variable({
    name: 'FRESHET_NAMESPACE',
    description: 'Keeps several systems apart in one Redis and one database.',
    example: 'default',
    default: 'default',
    parse: name,
  }),
  topicPrefix: variable({
    name: 'FRESHET_TOPIC_PREFIX',
    description: 'Stands before the name of every topic and consumer group.',
    example: 'staging.',
    default: '',
    parse: text(/^[a-zA-Z0-9._-]{0,100}$/, 'letters, digits, ., _ and -, at most 100'),
  }),
  partitions: variable({
    name: 'FRESHET_PARTITIONS',
    description: 'Partitions of a topic when it is created. What exists is left as it is.',
    example: '3',
    default: '3',
    parse: wholeNumber(1, 1_000),
  }),
  httpPort: variable({
    name: 'FRESHET_HTTP_PORT',
    description: 'Where health and metrics (and the API) are served; 0 takes any free port.',
    example: '3000',
    default: '3000',
    parse: wholeNumber(0, 65_535),
  }),
  httpHost: variable({
    name: 'FRESHET_HTTP_HOST',
    description: 'The address to listen on.',
    example: '127.0.0.1',
    default: '0.0.0.0',
    parse: text(/^\S+$/, 'an address'),
  }),
  apiToken: variable({
    name: 'FRESHET_API_TOKEN',
    description:
      "Credential of the invalidation service's API (Authorization: Bearer). Without it the API answers on this machine's loopback address alone.",
    example: 'a-long-random-text',
    parse: text(/^[\x21-\x7e]{16,}$/, 'printable characters without spaces, at least 16'),
  }),
  logLevel: variable({
    name: 'FRESHET_LOG_LEVEL',
    description: 'The least level that is logged.',
    example: 'info',
    default: 'info',
    parse: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
  }),
  logFormat: variable({
    name: 'FRESHET_LOG_FORMAT',
    description: 'json: one object a line, for machines. text: for people.',
    example: 'json',
    default: 'json',
    parse: oneOf(['json', 'text']),
  }),
  slot: variable({
    name: 'FRESHET_SLOT',
    description: 'The replication slot of the listener; it is created when missing.',
    example: 'freshet',
    default: 'freshet',
    parse: identifier,
  }),
  publication: variable({
    name: 'FRESHET_PUBLICATION',
    description: 'The publication of the listener; it is created when missing.',
    example: 'freshet',
    default: 'freshet',
    parse: identifier,
  }),
  watermarkInterval: variable({
    name: 'FRESHET_WATERMARK_INTERVAL',
    description: 'Time between watermarks under traffic.',
    example: '250ms',
    default: '250ms',
    parse: duration,
  }),
  idleWatermarkInterval: variable({
    name: 'FRESHET_IDLE_WATERMARK_INTERVAL',
    description: 'Time between watermarks when nothing changes.',
    example: '1s',
    default: '1s',
    parse: duration,
  }),
  loaders: variable({
    name: 'FRESHET_LOADERS',
    description: 'The module whose loaders the warmer refills with, and audits by.',
    example: './dist/loaders.js',
    parse: path,
  }),
  refreshUrl: variable({
    name: 'FRESHET_REFRESH_URL',
    description:
      'Where the service that owns the values loads them itself when the warmer asks; loaders then run there.',
    example: 'https://members.internal/freshet/refresh',
    parse: text(/^https?:\/\/\S+$/, 'an address beginning with http:// or https://'),
  }),
  refreshSecret: variable({
    name: 'FRESHET_REFRESH_SECRET',
    description: 'What the warmer shows there; at least 16 characters.',
    example: 'change-this-secret-please',
    parse: text(/^\S{16,}$/, 'at least 16 characters without spaces'),
  }),
  sqlLoaders: variable({
    name: 'FRESHET_SQL_LOADERS',
    description: '1: the warmer runs the queries that its catalog declares as loaders.',
    example: '1',
    default: '0',
    parse: oneOf(['0', '1']).transform((digit) => digit === '1'),
  }),
  sqlLoadersUrl: variable({
    name: 'FRESHET_SQL_LOADERS_URL',
    description: 'The same primary for these queries, as a role that may only read; by default FRESHET_POSTGRES_URL.',
    example: 'postgres://freshet_reader:secret@127.0.0.1:5432/app',
    parse: postgresUrl,
  }),
  warmerConcurrency: variable({
    name: 'FRESHET_WARMER_CONCURRENCY',
    description: 'Refills that the warmer runs at the same time.',
    example: '50',
    default: '50',
    parse: wholeNumber(1, 10_000),
  }),
  warmerAttempts: variable({
    name: 'FRESHET_WARMER_ATTEMPTS',
    description: 'Attempts at a refill before it is left among the failed jobs.',
    example: '5',
    default: '5',
    parse: wholeNumber(1, 100),
  }),
  warmerStandbyLag: variable({
    name: 'FRESHET_WARMER_STANDBY_LAG',
    description:
      'The warmer loads less at once while a standby has so much of the log still to replay; 0KB: it does not mind.',
    example: '64MB',
    default: '64MB',
    parse: byteSize,
  }),
  auditKeysPerSecond: variable({
    name: 'FRESHET_AUDIT_KEYS_PER_SECOND',
    description: 'Cached values that the warmer compares with the database in a second; 0: it does not.',
    example: '20',
    default: '0',
    parse: wholeNumber(0, 10_000),
  }),
  hotKeysAmong: variable({
    name: 'FRESHET_HOT_KEYS_AMONG',
    description: 'A hot key is among so many that all services together read most.',
    example: '1000',
    default: '1000',
    parse: wholeNumber(1, 40_000),
  }),
  hotKeysMoreThan: variable({
    name: 'FRESHET_HOT_KEYS_MORE_THAN',
    description: 'And it was read more often than this in the window.',
    example: '100',
    default: '100',
    parse: wholeNumber(0, 1_000_000_000),
  }),
  hotKeysWindow: variable({
    name: 'FRESHET_HOT_KEYS_WINDOW',
    description: 'How long a read counts for that; at most 2h, as long as reports are kept.',
    example: '1h',
    default: '1h',
    parse: duration.refine((milliseconds) => milliseconds >= 60_000 && milliseconds <= 7_200_000, {
      error: 'must be from 1m to 2h',
    }),
  }),
  warmUpKeys: variable({
    name: 'FRESHET_WARM_UP_KEYS',
    description:
      'After a gap, and when a catalog comes into force, the warmer is asked for so many of the keys that were read most in the last 24 h; 0: for none.',
    example: '1000',
    default: '1000',
    parse: wholeNumber(0, 10_000),
  }),
  l1MaxBytes: variable({
    name: 'FRESHET_L1_MAX_BYTES',
    description: 'Memory of one process for values (L1).',
    example: '64MB',
    default: '64MB',
    parse: byteSize,
  }),
  demo: variable({
    name: 'FRESHET_DEMO',
    description: "Opens the members-api's endpoints for the demo's checker. Not for production.",
    example: 'false',
    default: 'false',
    parse: yesOrNo,
  }),
  demoBreakRule: variable({
    name: 'FRESHET_DEMO_BREAK_RULE',
    description: 'A template whose rules the members-api leaves out, so that the demo finds it stale.',
    example: 'balance',
    parse: text(/^\S+$/, 'the name of a template'),
  }),
  stackProvider: variable({
    name: 'FRESHET_STACK_PROVIDER',
    description: 'How the local stack runs its servers.',
    example: 'auto',
    default: 'auto',
    parse: oneOf(['auto', 'containers', 'native']),
  }),
  stackCache: variable({
    name: 'FRESHET_STACK_CACHE',
    description: "Folder for the servers that the native stack fetches; by default in the user's cache folder.",
    example: '/var/cache/freshet',
    parse: text(/^\S.*$/, 'a folder'),
  }),
  stackPostgresImage: variable({
    name: 'FRESHET_STACK_POSTGRES_IMAGE',
    description: "The local stack's image for Postgres.",
    example: 'postgres:18',
    parse: image,
  }),
  stackKafkaImage: variable({
    name: 'FRESHET_STACK_KAFKA_IMAGE',
    description: "The local stack's image for Kafka.",
    example: 'apache/kafka:4.3.1',
    parse: image,
  }),
  stackRedisImage: variable({
    name: 'FRESHET_STACK_REDIS_IMAGE',
    description: "The local stack's image for Redis.",
    example: 'redis:7',
    parse: image,
  }),
} as const
