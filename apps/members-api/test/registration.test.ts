import type { Cache } from '@freshet/cache'
import { lsn } from '@freshet/pgoutput'
import { HealthRegistry } from '@freshet/service-kit'
import { Logger } from '@nestjs/common'
import { beforeAll, expect, it, vi } from 'vitest'
import { CatalogRegistration } from '../src/catalog/registration.js'

beforeAll(() => Logger.overrideLogger(false))

const record: Awaited<ReturnType<Cache['inForce']>> = {
  owner: 'members-api',
  version: '1',
  fingerprint: 'f',
  lsn: lsn(7n),
  parameterKinds: {},
}

/** A registration over a client that answers as told, and its place in the health report. */
function registrationOver(client: Pick<Cache, 'register' | 'inForce'>) {
  const health = new HealthRegistry()
  const registration = new CatalogRegistration(client as Cache, health, 1)
  registration.onApplicationBootstrap()
  return { registration, reason: async () => (await health.report()).checks['catalog']?.reason ?? 'ready' }
}

it('is ready once the catalog is in force, not when it is merely accepted', async () => {
  let comeIntoForce = (): void => undefined
  const inForce = new Promise<typeof record>((resolve) => {
    comeIntoForce = () => resolve(record)
  })
  const { reason } = registrationOver({ register: async () => undefined, inForce: () => inForce })
  await expect.poll(reason).toBe('the catalog is accepted, but not yet in force')
  comeIntoForce()
  await expect.poll(reason).toBe('ready')
})

it('says why the catalog was refused, and tries again: the cause may be mended in the database', async () => {
  let mended = false
  const register = vi.fn(async () => {
    if (!mended) throw new Error('REPLICA IDENTITY gives no old organization_id')
  })
  const { reason } = registrationOver({ register, inForce: async () => record })
  await expect.poll(reason).toBe('REPLICA IDENTITY gives no old organization_id')
  mended = true
  await expect.poll(reason).toBe('ready')
})

it('gives up when the service stops', async () => {
  const register = vi.fn(() => Promise.reject(new Error('no Kafka')))
  const { registration, reason } = registrationOver({ register, inForce: () => Promise.reject(new Error('unused')) })
  await expect.poll(reason).toBe('no Kafka')
  registration.beforeApplicationShutdown()
  const tries = register.mock.calls.length
  await new Promise((resolve) => setImmediate(resolve))
  expect(register.mock.calls.length - tries).toBeLessThanOrEqual(1)
})
