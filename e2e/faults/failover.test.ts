import { setTimeout as delay } from 'node:timers/promises'
import { startPostgresPair, startRedis, type PostgresPair, type RedisAlone } from '@freshet/local-stack'
import { Redis } from 'ioredis'
import { afterEach, it } from 'vitest'
import { Scene } from '../src/faults/scene.js'
import { eventually, TcpProxy } from '@freshet/testing/live'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})
const closing = <T>(it: T, close: (it: T) => Promise<unknown>): T => {
  open.push(() => close(it))
  return it
}

it('a standby of Postgres that is promoted without the slot is a new timeline, and a gap', async () => {
  const pair: PostgresPair = closing(await startPostgresPair(), (it) => it.stop())
  const proxy = closing(await TcpProxy.before(pair.primaryUrl), (it) => it.close())
  const routes = async () => ({ postgresUrl: proxy.url })
  const scene = closing(await Scene.open({ routes }, { postgresUrl: proxy.url }), (it) => it.close())
  await scene.survives('Postgres failed over', async () => {
    await delay(500)
    proxy.refuse()
    await pair.primary.kill('SIGKILL')
    await pair.promote()
    proxy.leadTo(pair.standbyUrl)
  })
})

it('a replica of Redis that takes over with an older copy is replayed to, and nothing stays stale', async () => {
  const replica: RedisAlone = closing(await startRedis(), (it) => it.stop())
  let proxy: TcpProxy | undefined
  const scene = closing(
    await Scene.open(
      {
        routes: async ({ redisUrl }) => {
          proxy = closing(await TcpProxy.before(redisUrl), (it) => it.close())
          return { redisUrl: proxy.url }
        },
      },
      {},
    ),
    (it) => it.close(),
  )
  const { hostname, port } = new URL(scene.system.stack.redisUrl)
  const control = closing(new Redis(replica.redisUrl), async (it) => it.disconnect())
  await control.replicaof(hostname, Number(port))
  await eventually(async () => /master_link_status:up/.test(await control.info('replication')), true)
  scene.lookAt(replica.redisUrl)
  await scene.survives('Redis failed over to an older copy', async () => {
    await control.replicaof('NO', 'ONE') // from here on it is behind
    await delay(2_000)
    proxy?.leadTo(replica.redisUrl)
  })
})
