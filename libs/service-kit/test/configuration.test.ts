import { readFileSync } from 'node:fs'
import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  ConfigurationError,
  environmentExample,
  optional,
  readConfiguration,
  variables,
  withDefault,
} from '../src/index.js'

const needed = {
  FRESHET_POSTGRES_URL: 'postgres://app:secret@db/app',
  FRESHET_KAFKA_BROKERS: 'a:9092, b:9093',
  FRESHET_REDIS_URL: 'redis://cache:6379',
}
const faultsOf = (declared: Parameters<typeof readConfiguration>[0], environment: Record<string, string>) => {
  try {
    readConfiguration(declared, environment)
  } catch (error) {
    if (error instanceof ConfigurationError) return error
    throw error
  }
  throw new Error('no fault was found')
}

describe('a good environment', () => {
  it('is read once, into values with their types', () => {
    const declared = {
      brokers: variables.kafkaBrokers,
      port: variables.httpPort,
      everyMs: variables.watermarkInterval,
      l1: variables.l1MaxBytes,
      demo: variables.demo,
      loaders: optional(variables.loaders),
      prefix: variables.topicPrefix,
    }
    const configuration = readConfiguration(declared, { ...needed, FRESHET_HTTP_PORT: '0', HOME: '/x' })
    expect(configuration).toEqual({
      brokers: ['a:9092', 'b:9093'],
      port: 0,
      everyMs: 250,
      l1: 64 * 1024 * 1024,
      demo: false,
      loaders: undefined,
      prefix: '',
    })
    expectTypeOf(configuration.brokers).toEqualTypeOf<readonly string[]>()
    expectTypeOf(configuration.port).toEqualTypeOf<number>()
    expectTypeOf(configuration.demo).toEqualTypeOf<boolean>()
    expectTypeOf(configuration.loaders).toEqualTypeOf<string | undefined>()
  })

  it('may hold what other services read', () => {
    expect(readConfiguration({}, { ...needed, FRESHET_STACK_REDIS_IMAGE: 'redis:7' })).toEqual({})
  })

  it.each(['redis://cache:6379/1', 'redis+cluster://one:6379', 'rediss+cluster://app:secret@one:6379,two:6379'])(
    'Redis is one server or a Cluster: %s',
    (url) => {
      expect(readConfiguration({ redis: variables.redisUrl }, { FRESHET_REDIS_URL: url })).toEqual({ redis: url })
    },
  )

  it('a service may have a default of its own', () => {
    expect(readConfiguration({ port: withDefault(variables.httpPort, '3001') }, {}).port).toBe(3001)
  })
})

describe('a bad environment', () => {
  it('has all its faults told at once, each with what to do', () => {
    const error = faultsOf(
      { postgres: variables.postgresUrl, redis: variables.redisUrl, demo: variables.demo },
      { FRESHET_REDIS_URI: 'redis://x', FRESHET_DEMO: 'yes', FRESHET_HTTP_PORT: '', FRESHET_PARTITIONS: '1e3' },
    )
    expect(error.exitCode).toBe(78)
    expect(error.faults.map(({ variable, problem }) => `${variable} ${problem}`)).toEqual([
      'FRESHET_REDIS_URI is not known',
      'FRESHET_PARTITIONS must be a whole number from 1 to 1000',
      'FRESHET_HTTP_PORT is empty',
      "FRESHET_DEMO must be 'true' or 'false'",
      'FRESHET_POSTGRES_URL is missing',
      'FRESHET_REDIS_URL is missing',
    ])
    expect(error.message).toContain('did you mean FRESHET_REDIS_URL?')
    expect(error.message).toContain('postgres://')
  })

  it.each([
    ['FRESHET_KAFKA_BROKERS', 'localhost'],
    ['FRESHET_KAFKA_BROKERS', 'a:9092,'],
    ['FRESHET_POSTGRES_URL', 'mysql://x'],
    ['FRESHET_WATERMARK_INTERVAL', '250'],
    ['FRESHET_L1_MAX_BYTES', '64'],
    ['FRESHET_HOT_KEYS_AMONG', '0'],
    ['FRESHET_HOT_KEYS_WINDOW', '3h'],
    ['FRESHET_HOT_KEYS_WINDOW', '30s'],
    ['FRESHET_NAMESPACE', '{x}'],
    ['FRESHET_HTTP_PORT', '65536'],
    ['FRESHET_LOG_LEVEL', 'INFO'],
    ['FRESHET_REDIS_URL', 'redis+cluster://one'],
    ['FRESHET_REDIS_URL', 'redis+cluster://one:6379,two'],
    ['FRESHET_REDIS_URL', 'redis+cluster://one:6379/2'],
    ['FRESHET_REDIS_WAIT_TIMEOUT', '5s'],
  ])('%s=%s is refused, also by a service that does not read it', (name, text) => {
    expect(faultsOf({}, { [name]: text }).faults).toMatchObject([{ variable: name }])
  })

  it('does not repeat what may be a password', () => {
    expect(faultsOf({}, { FRESHET_POSTGRES_URL: 'postgre://app:hunter2@db/app' }).message).not.toContain('hunter2')
  })
})

describe('the list of variables', () => {
  it('is what .env.example shows', () => {
    const file = readFileSync(new URL('../../../.env.example', import.meta.url), 'utf8')
    expect(file).toBe(environmentExample())
  })

  it('has examples and defaults that its own readers accept', () => {
    const environment = Object.fromEntries(Object.values(variables).map(({ name, example }) => [name, example]))
    expect(() => readConfiguration(variables, environment)).not.toThrow()
    expect(() => readConfiguration({}, {})).not.toThrow()
  })
})
