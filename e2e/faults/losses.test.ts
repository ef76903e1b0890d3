import { setTimeout as delay } from 'node:timers/promises'
import { topics } from '@freshet/events'
import { commitUnseen } from '@freshet/testing/live'
import { Redis } from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Scene } from '../src/faults/scene.js'

let scene: Scene

beforeAll(async () => {
  scene = await Scene.open()
})

afterAll(() => scene?.close())

const slotOf = async (): Promise<{ slot_name: string; active_pid: number | null; wal_status: string | null }> => {
  const { rows } = await scene.pool.query<{ slot_name: string; active_pid: number | null; wal_status: string | null }>(
    `select slot_name, active_pid, wal_status from pg_replication_slots where slot_type = 'logical'`,
  )
  const [slot] = rows
  if (!slot) throw new Error('there is no slot')
  return slot
}

it('a slot that is dropped under the listener is a gap: nothing stays stale', async () => {
  await scene.survives('the slot dropped', async () => {
    const { slot_name: name } = await slotOf()
    await expect
      .poll(
        async () => {
          const { active_pid: pid } = await slotOf()
          if (pid !== null) await scene.pool.query('select pg_terminate_backend($1)', [pid])
          return scene.pool.query('select pg_drop_replication_slot($1)', [name]).then(
            () => 'dropped',
            (error: unknown) => String(error),
          )
        },
        { timeout: 20_000, interval: 20 },
      )
      .toBe('dropped')
  })
})

it('a slot whose WAL the server gave up while the listener was away is a gap', async () => {
  const { listener } = scene.system.services
  const set = async (value: string): Promise<void> => {
    await scene.pool.query(`alter system set max_slot_wal_keep_size = '${value}'`)
    await scene.pool.query('select pg_reload_conf()')
  }
  await scene.survives('the slot invalidated', async () => {
    await listener.kill('SIGKILL')
    await set('1MB')
    await scene.pool.query('create table ballast (note text)')
    await expect
      .poll(
        async () => {
          await scene.pool.query(`insert into ballast select repeat('x', 1000) from generate_series(1, 40000)`)
          await scene.pool.query('select pg_switch_wal()')
          await scene.pool.query('checkpoint')
          return (await slotOf()).wal_status
        },
        { timeout: 60_000 },
      )
      .toBe('lost')
    await set('-1')
    await scene.pool.query('drop table ballast')
    await listener.start()
  })
})

it('change topics that lose their records under the cursor are a gap', async () => {
  const { invalidation } = scene.system.services
  const admin = new Kafka({ brokers: [scene.system.stack.kafkaBrokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    await scene.survives('topics truncated', async () => {
      await invalidation.kill('SIGKILL')
      await delay(1_000) // changes that nobody has applied
      for (const entity of ['member', 'payment']) {
        const topic = topics().changes(entity)
        const offsets = await admin.fetchTopicOffsets(topic)
        const partitions = offsets.map(({ partition, high }) => ({ partition, offset: high }))
        await admin.deleteTopicRecords({ topic, partitions })
      }
      await invalidation.start()
    })
  } finally {
    await admin.disconnect()
  }
})

it('a Redis that evicts whatever it likes leaves nothing stale', async () => {
  const redis = new Redis(scene.system.stack.redisUrl)
  try {
    await scene.survives('maxmemory with allkeys-lru', async () => {
      const used = /^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]
      await redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
      for (let step = 0; step < 20; step++) {
        await redis.config('SET', 'maxmemory', String(Math.round(Number(used) * (0.97 - 0.01 * (step % 5)))))
        await delay(250)
      }
      expect(Number(/^evicted_keys:(\d+)/m.exec(await redis.info('stats'))?.[1])).toBeGreaterThan(100)
      await redis.config('SET', 'maxmemory', '0')
      await redis.config('SET', 'maxmemory-policy', 'noeviction')
    })
  } finally {
    redis.disconnect()
  }
})

it('a commit that readers do not see yet, though its change is already published, leaves nothing stale', async () => {
  await scene.survives('a commit held back from readers', async () => {
    const { show } = await commitUnseen(
      scene.system.stack.postgresUrl,
      `update members set name = name || '!' where id <= 100`,
    )
    await delay(3_000) // fenced, refilled with what is still the state, or refused
    await show()
  })
})
