import type { Service } from '@freshet/service-kit'
import { listenerVariables } from './configuration.js'
import { ListenerModule } from './listener.module.js'

/** cdc-listener: turns committed row changes into records on Kafka. */
export const cdcListener: Service<typeof listenerVariables> = {
  name: 'cdc-listener',
  variables: listenerVariables,
  httpPort: 3001,
  module: (configuration) => ListenerModule.for(configuration),
}
