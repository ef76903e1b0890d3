import { describe, expect, it } from 'vitest'
import { stackEnvironment, StackSettingError } from '../src/index.js'
import { kafkaProperties } from '../src/kafka-properties.js'
import { stackSettings } from '../src/settings.js'

describe('settings of a stack', () => {
  it('need nothing: the provider is found out, the images are the official ones', () => {
    expect(stackSettings({}, {}, '/home/ada')).toMatchObject({
      provider: 'auto',
      kafkaPartitions: 3,
      postgresSettings: { wal_level: 'logical' },
      images: { postgres: 'postgres:18', kafka: 'apache/kafka:4.3.1', redis: 'redis:7' },
      cacheFolder: '/home/ada/.cache/freshet/local-stack',
    })
  })

  it('prefer options over the environment over defaults', () => {
    const environment = {
      FRESHET_STACK_PROVIDER: 'containers',
      FRESHET_STACK_KAFKA_IMAGE: 'mirror/kafka',
      FRESHET_STACK_REDIS_IMAGE: 'mirror/redis',
      XDG_CACHE_HOME: '/cache',
    }
    const options = { images: { redis: 'mine/redis' }, postgresSettings: { max_connections: '9' } }
    expect(stackSettings(options, environment, '/home/ada')).toMatchObject({
      provider: 'containers',
      images: { postgres: 'postgres:18', kafka: 'mirror/kafka', redis: 'mine/redis' },
      postgresSettings: { wal_level: 'logical', max_connections: '9' },
      cacheFolder: '/cache/freshet/local-stack',
    })
    expect(stackSettings({ provider: 'native' }, environment, '/home/ada').provider).toBe('native')
    expect(stackSettings({}, { ...environment, FRESHET_STACK_CACHE: '/jars' }, '').cacheFolder).toBe('/jars')
  })

  it('refuse what cannot be, naming it', () => {
    expect(() => stackSettings({}, { FRESHET_STACK_PROVIDER: 'podman' }, '')).toThrow(
      new StackSettingError('FRESHET_STACK_PROVIDER', 'podman', "'auto', 'containers' or 'native'"),
    )
    expect(() => stackSettings({ kafkaPartitions: 0 }, {}, '')).toThrow("kafkaPartitions is '0'")
    expect(() => stackSettings({ kafkaProxy: 'here' }, {}, '')).toThrow("kafkaProxy is 'here', but must be host:port")
    expect(() => stackSettings({ kafkaProxy: 'h:1', provider: 'containers' }, {}, '')).toThrow('kafkaProxy')
    expect(stackSettings({ kafkaProxy: 'h:1' }, {}, '').provider).toBe('native')
  })
})

describe('what others are told of a stack', () => {
  it('the variables by which services find it', () => {
    const stack = { postgresUrl: 'postgres://h:1/freshet', kafkaBrokers: 'h:2', redisUrl: 'redis://h:3' }
    expect(stackEnvironment(stack)).toEqual({
      FRESHET_POSTGRES_URL: 'postgres://h:1/freshet',
      FRESHET_KAFKA_BROKERS: 'h:2',
      FRESHET_REDIS_URL: 'redis://h:3',
    })
  })

  const place = {
    bind: '0.0.0.0',
    port: 9092,
    advertised: { host: 'docker.test', port: 20123 },
    controllerPort: 9093,
    internalPort: 9094,
    dataFolder: '/data',
    partitions: 7,
  }

  it('a broker advertises the address that clients use, and reaches itself by another', () => {
    const properties = kafkaProperties(place).split('\n')
    expect(properties).toContain('advertised.listeners=CLIENT://docker.test:20123,INTERNAL://127.0.0.1:9094')
    expect(properties).toContain('num.partitions=7')
    expect(properties).toContain('auto.create.topics.enable=false')
  })

  it('a broker behind a proxy has a listener for it, whose clients are told the address of the proxy', () => {
    const behindProxy = { port: 9095, advertised: 'proxy.test:20124' }
    const properties = kafkaProperties({ ...place, behindProxy })
    expect(properties).toMatch(/^listeners=CLIENT:.*,PROXIED:\/\/0\.0\.0\.0:9095,/m)
    expect(properties).toMatch(/^advertised\.listeners=.*,PROXIED:\/\/proxy\.test:20124$/m)
  })
})
