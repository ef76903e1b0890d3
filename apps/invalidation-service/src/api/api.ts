import { ProblemFilter } from '@freshet/service-kit'
import type { INestApplication, Provider, Type } from '@nestjs/common'
import { Admission, ApiCredential } from './admission.guard.js'
import { CatalogsController } from './catalogs.controller.js'
import { dispositions } from './dispositions.js'
import { ApiDocs, DocsController } from './docs.controller.js'
import { ExplainController } from './explain.controller.js'
import { HotKeysController } from './hot-keys.controller.js'
import { WatchController } from './watch.controller.js'
import { WatchHub } from './watch-hub.js'

/** The HTTP API, for a module that provides `ApiSources`. */
export const apiControllers: Type[] = [
  ExplainController,
  CatalogsController,
  HotKeysController,
  WatchController,
  DocsController,
]

export const apiProviders = (token: string | undefined): Provider[] => [
  { provide: ApiCredential, useValue: new ApiCredential(token) },
  Admission,
  WatchHub,
  ApiDocs,
]

/** For the whole application, before it is initialized: what Fastify refuses is a problem too. */
export function configureApi(app: INestApplication): void {
  app.useGlobalFilters(new ProblemFilter(dispositions))
  app.get(ApiDocs).of(app)
}
