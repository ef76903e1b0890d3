import { StackSettingError } from './errors.js'
import type { ServerName } from './server.js'

export type ProviderName = 'containers' | 'native'

export interface StackOptions {
  /**
   * `containers` needs a Docker engine, `native` a JDK with Maven; `auto` (default) takes containers where an engine
   * answers and has or can pull the images, else native. Default from FRESHET_STACK_PROVIDER.
   */
  provider?: 'auto' | ProviderName
  /** Told in one line what goes on, for a terminal. */
  onProgress?: (line: string) => void
  /** Partitions of topics that are created without saying how many; 3 by default. */
  kafkaPartitions?: number
  /**
   * `host:port` of a proxy before the broker, which leads to the stack's `kafkaBehindProxy`: a client that comes over it
   * is told to come back over it, and not past it. Natively only; `auto` is native then.
   */
  kafkaProxy?: string
  /** Postgres settings over those of the stack, as in postgresql.conf: `{ max_connections: '50' }`. */
  postgresSettings?: Readonly<Record<string, string>>
  /** Image names for containers. Default from FRESHET_STACK_{POSTGRES,KAFKA,REDIS}_IMAGE, else the official images. */
  images?: Partial<Record<ServerName, string>>
}

/** What a provider is asked for: options with every default filled in. */
export interface StackSettings {
  readonly provider: 'auto' | ProviderName
  readonly kafkaPartitions: number
  readonly kafkaProxy: string | undefined
  readonly postgresSettings: Readonly<Record<string, string>>
  readonly images: Readonly<Record<ServerName, string>>
  /** Where jars fetched by Maven are kept between starts. */
  readonly cacheFolder: string
  readonly onProgress: (line: string) => void
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * - Slots, senders and logical decoding are what the listener needs; 200 connections let several services and tests share a server.
 * - fsync stays on: commit latencies that the demo reports shall be those of a server that keeps its promises.
 */
const postgresDefaults = {
  wal_level: 'logical',
  max_replication_slots: '20',
  max_wal_senders: '20',
  max_connections: '200',
}

const officialImages = { postgres: 'postgres:18', kafka: 'apache/kafka:4.3.1', redis: 'redis:7' }

/** Options over environment over defaults. Throws StackSettingError for a value that cannot be. */
export function stackSettings(options: StackOptions, environment: Environment, home: string): StackSettings {
  const kafkaPartitions = options.kafkaPartitions ?? 3
  if (!Number.isSafeInteger(kafkaPartitions) || kafkaPartitions < 1) {
    throw new StackSettingError('kafkaPartitions', String(kafkaPartitions), 'a whole number of at least 1')
  }
  const provider = options.provider ?? providerFrom(environment['FRESHET_STACK_PROVIDER'])
  const { kafkaProxy } = options
  if (kafkaProxy !== undefined && !/^[^\s:,]+:\d+$/.test(kafkaProxy))
    throw new StackSettingError('kafkaProxy', kafkaProxy, 'host:port')
  if (kafkaProxy !== undefined && provider === 'containers')
    throw new StackSettingError('provider', provider, "'native' or 'auto' where there is a kafkaProxy")
  return {
    provider: kafkaProxy === undefined ? provider : 'native',
    kafkaPartitions,
    kafkaProxy,
    postgresSettings: { ...postgresDefaults, ...options.postgresSettings },
    images: {
      postgres: options.images?.postgres ?? environment['FRESHET_STACK_POSTGRES_IMAGE'] ?? officialImages.postgres,
      kafka: options.images?.kafka ?? environment['FRESHET_STACK_KAFKA_IMAGE'] ?? officialImages.kafka,
      redis: options.images?.redis ?? environment['FRESHET_STACK_REDIS_IMAGE'] ?? officialImages.redis,
    },
    cacheFolder:
      environment['FRESHET_STACK_CACHE'] ?? `${environment['XDG_CACHE_HOME'] ?? `${home}/.cache`}/freshet/local-stack`,
    onProgress: options.onProgress ?? (() => undefined),
  }
}

function providerFrom(text: string | undefined): 'auto' | ProviderName {
  if (text === undefined || text === 'auto') return 'auto'
  if (text === 'containers' || text === 'native') return text
  throw new StackSettingError('FRESHET_STACK_PROVIDER', text, "'auto', 'containers' or 'native'")
}
