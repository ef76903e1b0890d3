import 'reflect-metadata'
import { Injectable, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { expect, it } from 'vitest'
import { Cache } from '../src/cache.js'
import { CacheClosedError } from '../src/errors.js'
import { CacheModule } from '../src/nest.js'
import { keys, worldCatalog } from './world/world.js'

@Injectable()
class Balances {
  constructor(private readonly cache: Cache) {}

  of(id: number) {
    return this.cache.read(keys.balance.of({ id }))
  }
}

@Injectable()
class Settings {
  // Nobody listens there: a client opens without waiting, and reads go to the source.
  readonly redis = 'redis://127.0.0.1:1'
  readonly postgres = { url: 'postgres://nobody@127.0.0.1:1/nothing' }
}

@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

@Module({
  imports: [
    CacheModule.forRootAsync({
      imports: [SettingsModule],
      inject: [Settings],
      useFactory: ({ redis, postgres }: Settings) => ({ catalog: worldCatalog, redis, postgres }),
      loaders: (cache) => cache.loader(keys.balance, ({ id }) => ({ amount: Number(id) })),
    }),
  ],
  providers: [Balances],
})
class AppModule {}

it('a Nest service injects the cache, reads through it, and closes it at its end', async () => {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false })
  expect(await app.get(Balances).of(42)).toMatchObject({
    value: { amount: 42 },
    vouched: false,
    missed: 'not-in-force',
  })
  const cache = app.get(Cache)
  await app.close()
  await expect(cache.get(keys.balance.of({ id: 1 }))).rejects.toThrow(CacheClosedError)
})
