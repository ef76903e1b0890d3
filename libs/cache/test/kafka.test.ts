import { encodeApplied, encodeCatalogStatus, encodeInvalidation, topics, topicSpecs } from '@freshet/events'
import { lsn, xid } from '@freshet/pgoutput'
import { FakeKafkaServer } from '@freshet/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CatalogRefusedError, RegistrationTimeoutError } from '../src/errors.js'
import { InvalidationFeed } from '../src/invalidation-feed.js'
import { registerCatalog } from '../src/register.js'
import { keys, World, worldCatalog, type Balance } from './world/world.js'

const name = topics()
const source = 'freshet/test'
const never = new AbortController().signal

async function openKafka() {
  const server = new FakeKafkaServer()
  const kafka = server.connect()
  await kafka.admin.ensureTopics(topicSpecs('', [], { partitions: 2 }))
  onTestFinished(() => kafka.close())
  const applied = (partition: number, databaseTime = Date.now()) =>
    server.append([
      {
        topic: name.invalidations,
        partition,
        ...encodeApplied({
          source,
          lsn: lsn(1n),
          snapshot: { xmin: xid(1n), xmax: xid(1n), running: [] },
          systemId: '1',
          timeline: 1,
          databaseTime,
        }),
      },
    ])
  const invalidated = (partition: number, ...tags: string[]) =>
    server.append([
      {
        topic: name.invalidations,
        partition,
        ...encodeInvalidation({ source, shard: 'all', tags, cause: 'change', fencedAt: Date.now() }),
      },
    ])
  return { server, kafka, applied, invalidated }
}

describe('the reader of invalidations', () => {
  async function openReader() {
    const { server, kafka, applied, invalidated } = await openKafka()
    const world = await World.open()
    world.primary.rows.set('42', { amount: 50 })
    const client = world.client({ l1: true })
    const { memory, sight } = client
    if (memory === undefined) throw new Error('the client has no L1')
    const feed = new InvalidationFeed({
      kafka,
      topic: name.invalidations,
      memory,
      sight,
      report: (occurrence) => client.occurrences.push(occurrence),
    })
    sight.lost(0)
    feed.start()
    onTestFinished(() => feed.close())
    const heard = () =>
      expect
        .poll(() => {
          applied(0)
          applied(1)
          return client.cache.health().l1
        })
        .toBe('sighted')
    const read = () => client.cache.read(keys.balance.of({ id: 42 }), world.row<Balance>('42'))
    return { server, client, applied, invalidated, heard, read }
  }

  it('opens L1 once every partition is heard, and drops what is fenced', async () => {
    const { client, heard, invalidated, read } = await openReader()
    await read()
    expect(client.memory?.size).toBe(0)
    await heard()
    await read()
    expect(await read()).toMatchObject({ layer: 'l1' })
    invalidated(1, 'member:42:balance')
    await expect.poll(() => client.memory?.size).toBe(0)
  })

  it('drops everything when a record cannot be read', async () => {
    const { server, client, heard, read } = await openReader()
    await heard()
    await read()
    server.append([{ topic: name.invalidations, key: null, value: 'garbage' }])
    await expect.poll(() => client.memory?.size).toBe(0)
    expect(client.occurrences).toContainEqual({ type: 'l1:dropped', entries: 1, cause: 'unreadable-record' })
  })

  it('drops everything, and is blind until heard again, when records are gone', async () => {
    const { server, client, applied, heard, read } = await openReader()
    await heard()
    await read()
    server.down = true
    for (let count = 0; count < 5; count++) applied(0)
    server.deleteRecords(name.invalidations, 0, server.end(server.log(name.invalidations, 0)))
    server.down = false
    await expect.poll(() => client.memory?.size).toBe(0)
    expect(client.cache.health().l1).toBe('discontinuity')
  })
})

describe('registering', () => {
  const { owner, version, fingerprint } = worldCatalog
  const accepted = encodeCatalogStatus({
    source,
    state: 'accepted',
    owner,
    version,
    fingerprint,
    lsn: lsn(7n),
    parameterKinds: {},
  })
  const refused = encodeCatalogStatus({
    source,
    state: 'refused',
    owner,
    version,
    fingerprint,
    faults: [{ code: 'x', path: 'tables.public.members', message: 'does not exist' }],
  })

  /** Answers as the listener does, once the catalog is there. */
  function answering(server: FakeKafkaServer, answer: typeof accepted): void {
    const stop = server.onChange(() => {
      if (server.log(name.catalogs, 0).records.length === 0) return
      stop()
      server.append([{ topic: name.catalogStatus, ...answer }])
    })
  }

  it('resolves once the catalog is accepted', async () => {
    const { server, kafka } = await openKafka()
    answering(server, accepted)
    await registerCatalog(kafka, worldCatalog, '', {}, never)
    expect(server.log(name.catalogs, 0).records).toHaveLength(1)
  })

  it('names every fault of a catalog that is refused', async () => {
    const { server, kafka } = await openKafka()
    answering(server, refused)
    const registered = registerCatalog(kafka, worldCatalog, '', {}, never)
    await expect(registered).rejects.toThrow(CatalogRefusedError)
    await expect(registered).rejects.toThrow('tables.public.members: does not exist')
  })

  it('again with the same content needs no new answer, but a refusal is asked again', async () => {
    const { server, kafka } = await openKafka()
    server.append([{ topic: name.catalogStatus, ...refused }])
    answering(server, accepted)
    await registerCatalog(kafka, worldCatalog, '', {}, never)
    await registerCatalog(kafka, worldCatalog, '', {}, never)
    expect(server.log(name.catalogStatus, 0).records).toHaveLength(2)
  })

  it('says so when nobody answers', async () => {
    const { kafka } = await openKafka()
    const registered = registerCatalog(kafka, worldCatalog, '', { timeoutMs: 30 }, never)
    await expect(registered).rejects.toThrow(RegistrationTimeoutError)
  })
})
