import type { Service } from '@freshet/service-kit'
import { AppModule } from './app.module.js'
import { serveDocs } from './docs.js'
import { apiVariables } from './settings.js'

/** The reference service, to be run by `runService` or started inside a test. */
export const membersApi: Service<typeof apiVariables> = {
  name: 'members-api',
  variables: apiVariables,
  module: (settings) => AppModule.for(settings),
  configure: serveDocs,
}
