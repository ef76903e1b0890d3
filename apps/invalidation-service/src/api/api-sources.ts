import type { Catalog } from '@freshet/catalog'
import type { CatalogRefused } from '@freshet/events'
import type { HotKeysSettings, Ranking } from '@freshet/explain'
import type { KafkaPort } from '@freshet/kafka'
import type { ValueStore } from '@freshet/redis'

/** What the API tells of; injected by this class. */
export abstract class ApiSources {
  /** Those that plan here; the same list again for as long as none comes or goes. */
  abstract readonly catalogs: readonly Catalog[]
  abstract readonly refused: readonly CatalogRefused[]
  abstract readonly values: ValueStore
  abstract readonly kafka: KafkaPort
  abstract readonly topicPrefix: string
  abstract readonly hotKeys: HotKeysSettings
  /** Undefined where reads are not counted here. */
  abstract readonly ranking: Ranking | undefined
}
