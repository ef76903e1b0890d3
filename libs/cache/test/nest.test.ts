import 'reflect-metadata'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { expect, it } from 'vitest'
import { Cache } from '../src/cache.js'
import { CacheClosedError } from '../src/errors.js'
import { CacheModule } from '../src/nest.js'
import { keys, worldCatalog } from './world/world.js'

class Settings {
  // Nobody listens there: a client opens without waiting, and reads go to the source.
  readonly redis = 'redis://127.0.0.1:1'
  readonly postgres = { url: 'postgres://nobody@127.0.0.1:1/nothing' }
}

class SettingsModule {}
Module({ providers: [Settings], exports: [Settings] })(SettingsModule)

class AppModule {}
Module({
  imports: [
    CacheModule.forRootAsync({
      imports: [SettingsModule],
      inject: [Settings],
      useFactory: ({ redis, postgres }: Settings) => ({ catalog: worldCatalog, redis, postgres }),
      loaders: (cache) => cache.loader(keys.balance, ({ id }) => ({ amount: Number(id) })),
    }),
  ],
})(AppModule)

it('a Nest service injects the cache, reads through it, and closes it at its end', async () => {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false })
  const cache = app.get(Cache)
  const reading = await cache.read(keys.balance.of({ id: 42 }))
  expect(reading).toMatchObject({ value: { amount: 42 }, vouched: false, missed: 'not-in-force' })
  await app.close()
  await expect(cache.get(keys.balance.of({ id: 1 }))).rejects.toThrow(CacheClosedError)
})
