import {
  Body,
  Controller,
  Headers,
  HttpCode,
  HttpException,
  Inject,
  Module,
  Post,
  type DynamicModule,
  type FactoryProvider,
  type ModuleMetadata,
  type Type,
} from '@nestjs/common'
import { Cache } from './cache.js'
import { refreshHandler, type RefreshHandlerOptions } from './refresh-handler.js'

/** How the module gets its secret. */
export interface RefreshModuleOptions<Injected extends unknown[]> extends Pick<ModuleMetadata, 'imports'> {
  /** Where it is mounted; `freshet/refresh` by default. */
  readonly path?: string
  readonly inject?: FactoryProvider['inject']
  readonly useFactory: (...injected: Injected) => RefreshHandlerOptions | Promise<RefreshHandlerOptions>
}

type Handler = ReturnType<typeof refreshHandler>

const HANDLER = Symbol('answers refreshes')

/**
 * Serves the warmer's refreshes by the application's own `Cache`, which `CacheModule` has to provide.
 *
 * @example
 * RefreshModule.forRootAsync({ inject: [Settings], useFactory: ({ refreshSecret: secret }: Settings) => ({ secret }) })
 */
@Module({})
export class RefreshModule {
  static forRootAsync<Injected extends unknown[]>(options: RefreshModuleOptions<Injected>): DynamicModule {
    const { path = 'freshet/refresh', imports = [], inject = [], useFactory } = options
    const handler: FactoryProvider<Handler> = {
      provide: HANDLER,
      inject: [Cache, ...inject],
      useFactory: async (cache: Cache, ...injected: Injected) => refreshHandler(cache, await useFactory(...injected)),
    }
    return { module: RefreshModule, imports, controllers: [controllerAt(path)], providers: [handler] }
  }
}

function controllerAt(path: string): Type {
  @Controller(path)
  class RefreshController {
    constructor(@Inject(HANDLER) private readonly handle: Handler) {}

    @Post()
    @HttpCode(200)
    async refresh(@Headers('authorization') authorization: string | undefined, @Body() sent: unknown): Promise<object> {
      const { status, body } = await this.handle({ authorization, body: sent })
      if (status !== 200) throw new HttpException(body, status)
      return body
    }
  }
  return RefreshController
}
