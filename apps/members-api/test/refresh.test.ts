import { Cache } from '@freshet/cache'
import { RefreshModule } from '@freshet/cache/nest'
import { Global, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { expect, it, onTestFinished } from 'vitest'

const secret = 'a secret of sixteen and more'
const price = { name: 'price', text: 'item:{item}:price', options: { ttl: '1m' } }

class FakeCacheModule {}
Global()(FakeCacheModule)
Module({
  providers: [
    {
      provide: Cache,
      useValue: {
        key: (template: string, parameters: object) => ({ definition: price, template, parameters }),
        read: async ({ parameters }: { parameters: { item: string } }) => {
          if (parameters.item === '9') throw new Error('the source is down')
          return { layer: 'source', joined: false }
        },
      },
    },
  ],
  exports: [Cache],
})(FakeCacheModule)

class AppModule {}
Module({
  imports: [FakeCacheModule, RefreshModule.forRootAsync({ path: 'internal/refresh', useFactory: () => ({ secret }) })],
})(AppModule)

it('a Nest service answers refreshes where it was told to, to whoever has the secret', async () => {
  const app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), { logger: false })
  onTestFinished(() => app.close())
  await app.listen(0, '127.0.0.1')
  const answer = async (item: string, authorization = `Bearer ${secret}`) => {
    const response = await fetch(`${await app.getUrl()}/internal/refresh`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ template: 'price', parameters: { item } }),
    })
    return [response.status, await response.json()]
  }
  expect(await answer('7')).toEqual([200, { outcome: 'warmed' }])
  expect(await answer('9')).toEqual([502, { error: 'the source is down' }])
  expect(await answer('7', 'Bearer another')).toMatchObject([401, {}])
})
