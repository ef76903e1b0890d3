import type { CatalogJson, DebeziumTopicJson } from '@freshet/catalog'
import { createPool, readPublications } from '@freshet/postgres'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { startPostgres, type PostgresServer } from '../../../../libs/postgres/test/tables/postgres-server.js'
import { Admission } from '../../src/admission/admission.js'
import type { AdmissionPorts, CatalogStatus, RestartFacts } from '../../src/admission/ports.js'
import { preparePublications } from '../../src/admission/prepare-publications.js'
import { byOrganization, documentOf } from './catalogs.js'

// Each test talks to a real server, on a machine that does other things too.
vi.setConfig({ testTimeout: 30_000 })

let server: PostgresServer
let pool: pg.Pool
const options = () => ({ pool, publication: 'freshet', namespace: 'test' })
const neverBefore: RestartFacts = { accepted: new Map(), slotIsNew: false }

beforeAll(async () => {
  server = await startPostgres()
  await server.pool.query('create role listener login replication; grant create on database postgres to listener')
}, 60_000)
afterAll(() => server.stop())
beforeEach(async () => {
  pool = createPool({ url: server.urlOf({ user: 'listener' }), applicationName: 'admission' })
  await server.pool.query(`
    drop publication if exists freshet, freshet_append; drop schema public cascade; create schema public;
    create table members (id int primary key, organization_id int not null, status text);
    create table payments (id int primary key, member_id int);
    alter table members owner to listener; alter table payments owner to listener;
    grant all on schema public to listener`)
})
afterEach(() => pool.end())

/** An admission whose ports write down what they were asked, in order, with what was published then. */
function recorded(ports: Partial<AdmissionPorts> = {}) {
  const told: string[] = []
  const statuses: CatalogStatus[] = []
  const note = async (what: string): Promise<void> => {
    told.push(`${what} [${(await published()).join(' ')}]`)
  }
  const admission = new Admission(options(), {
    existingTopics: () => Promise.resolve(['shop.public.payments']),
    ensureTopics: (entities) => note(`topics ${entities.join(' ')}`),
    applyWatched: ({ tables }) => told.push(`watched ${[...tables.keys()].join(' ')}`),
    publishGap: ({ scope, cause }) => note(`gap ${cause} ${scope.kind === 'catalog' ? scope.version : scope.kind}`),
    publishStatus: async (status) => {
      statuses.push(status)
      await note(`${status.state} ${status.version}`)
    },
    ...ports,
  })
  return { admission, told, statuses, faults: () => statuses.flatMap((s) => (s.state === 'refused' ? s.faults : [])) }
}

async function published(): Promise<string[]> {
  const states = await readPublications(server.pool, ['freshet', 'freshet_append'])
  return states.flatMap(({ name, tables }) => tables.map((table) => `${name}:${table.name}`)).sort()
}

const paymentsDocument = (change: Partial<CatalogJson> = {}): CatalogJson => ({
  ...documentOf({
    owner: 'billing',
    tables: { 'public.payments': { entity: 'payment', key: ['id'], columns: { id: 'id' } } },
    rules: [{ on: { table: 'public.payments' }, fences: [{ template: 'profile' }] }],
  }),
  ...change,
})

describe('a catalog', () => {
  it('comes into force: topics, then the stream, then the publication, then the gap, then its status', async () => {
    const { admission, told, statuses } = recorded()
    await preparePublications(options())
    await admission.start([], neverBefore)
    told.length = 0
    await admission.offer(documentOf())
    expect(told).toEqual([
      'topics member []',
      'watched public.members',
      'gap catalog-in-force 1 [freshet:public.members]',
      'accepted 1 [freshet:public.members]',
    ])
    expect(statuses[0]).toMatchObject({ state: 'accepted', parameterKinds: { profile: { id: 'integer' } } })
    expect(admission.inForce.map(({ owner }) => owner)).toEqual(['members-api'])
  })

  it('offered again with the same content changes nothing and is no gap', async () => {
    const { admission, told } = recorded()
    await admission.start([documentOf()], neverBefore)
    told.length = 0
    await admission.offer(documentOf())
    expect(told).toEqual([])
  })

  it('is refused with every fault; once the statements are executed it is admitted', async () => {
    const { admission, told, faults } = recorded()
    const document = documentOf({ ...byOrganization, rules: [...byOrganization.rules] })
    await admission.start([document], neverBefore)
    expect(faults().map(({ code }) => code)).toEqual(['old-column-unknown'])
    expect(await published()).toEqual([])
    for (const { fix = '' } of faults())
      for (const line of fix.split(/;(?:\n|$)/).filter(Boolean)) await pool.query(line)
    await admission.offer(document)
    expect(told.at(-1)).toBe('accepted 1 [freshet:public.members]')
  })

  it('that is no catalog at all is refused too, with the faults of its text', async () => {
    const { admission, faults } = recorded()
    await admission.start([{ owner: 'someone', version: '1', rules: 7 }], neverBefore)
    expect(faults().length).toBeGreaterThan(1)
  })

  it('with other content under the same version replaces the one in force, unless it is refused', async () => {
    const { admission, told } = recorded()
    await admission.start([documentOf()], neverBefore)
    await admission.offer(documentOf(byOrganization))
    expect(told.filter((line) => line.startsWith('refused'))).toHaveLength(1)
    expect(admission.inForce[0]?.json.templates).toHaveProperty('profile')
    expect([...admission.watched.tables.keys()]).toEqual(['public.members'])
    await admission.offer(documentOf({ templates: { profile: { template: 'member:{id}:profile', ttl: '2h' } } }))
    expect(told.slice(-2).map((line) => line.split(' ')[0])).toEqual(['gap', 'accepted'])
  })

  it('that is retired takes its tables along, but not those of others', async () => {
    const { admission } = recorded()
    await admission.start([documentOf(), paymentsDocument(), paymentsDocument({ version: '2' })], neverBefore)
    expect(await published()).toEqual(['freshet:public.members', 'freshet:public.payments'])
    await admission.retire('billing', '1')
    await admission.retire('members-api', '1')
    expect(await published()).toEqual(['freshet:public.payments'])
    expect(admission.watched.entities).toEqual(['payment'])
  })

  it('on a table of another owner is refused with the grant that helps', async () => {
    await server.pool.query('create role keeper; alter table members owner to keeper')
    const { admission, faults, told } = recorded()
    await admission.start([documentOf()], neverBefore)
    expect(faults().map(({ code }) => code)).toEqual(['table-not-owned'])
    await server.pool.query(faults()[0]?.fix ?? '')
    await admission.offer(documentOf())
    expect(told.at(-1)).toBe('accepted 1 [freshet:public.members]')
    await server.pool.query('drop table members; drop role keeper')
  })
})

describe('a restart', () => {
  const accepted = async (): Promise<RestartFacts> => {
    const { admission, statuses } = recorded()
    await admission.start([documentOf()], neverBefore)
    return { slotIsNew: false, accepted: new Map([['members-api@1', statuses[0]?.fingerprint ?? '']]) }
  }

  it('announces nothing again while the publication is intact', async () => {
    const before = await accepted()
    const { admission, told } = recorded()
    await admission.start([documentOf()], before)
    expect(told).toEqual(['topics member [freshet:public.members]', 'watched public.members'])
    expect(admission.inForce).toHaveLength(1)
  })

  it.each([
    ['had lost a table', 'alter publication freshet drop table members'],
    ['had lost an action', `alter publication freshet set (publish = 'insert')`],
    ['had been dropped', 'drop publication freshet'],
  ])('announces again what may have missed changes when the publication %s', async (_title, statement) => {
    const before = await accepted()
    await server.pool.query(statement)
    const { admission, told } = recorded()
    await admission.start([documentOf()], before)
    expect(told.slice(-2)).toEqual([
      'gap catalog-in-force 1 [freshet:public.members]',
      'accepted 1 [freshet:public.members]',
    ])
  })

  it('announces all again when the slot is new', async () => {
    const before = await accepted()
    const { admission, told } = recorded()
    await admission.start([documentOf()], { ...before, slotIsNew: true })
    expect(told.at(-1)).toBe('accepted 1 [freshet:public.members]')
  })

  it('announces a catalog whose gap was written but whose status was not', async () => {
    const crash = recorded({ publishStatus: () => Promise.reject(new Error('killed')) })
    await expect(crash.admission.start([documentOf()], neverBefore)).rejects.toThrow('killed')
    const { admission, told } = recorded()
    await admission.start([documentOf()], neverBefore)
    expect(told.at(-1)).toBe('accepted 1 [freshet:public.members]')
  })
})

describe('beside the work of others', () => {
  it('neither waits for an open writer nor lets it wait', async () => {
    const writer = await server.pool.connect()
    await writer.query('begin; insert into members values (1, 1)')
    const { admission, told } = recorded()
    await admission.start([documentOf()], neverBefore)
    expect(told.at(-1)).toBe('accepted 1 [freshet:public.members]')
    await writer.query('update members set status = null; commit')
    writer.release()
  })

  it('waits for DDL with short locks, and comes into force behind it', async () => {
    const ddl = await server.pool.connect()
    await ddl.query('begin; lock table members in access exclusive mode')
    const { admission, told } = recorded()
    const start = admission.start([documentOf()], neverBefore)
    await expect
      .poll(async () => (await server.pool.query(`select from pg_locks where not granted`)).rowCount, {
        timeout: 5_000,
      })
      .toBeGreaterThan(0)
    expect(told.at(-1)).toContain('watched')
    await ddl.query('commit')
    ddl.release()
    await start
    expect(told.at(-1)).toBe('accepted 1 [freshet:public.members]')
  })

  it('a key that is dropped while the publication is about to be altered makes no write fail', async () => {
    const seen: string[][] = []
    const { admission, faults } = recorded({
      ensureTopics: async () => {
        seen.push(await published())
        await server.pool.query('alter table members drop constraint if exists members_pkey')
      },
    })
    await admission.start([documentOf()], neverBefore)
    expect(seen).toEqual([[], []])
    expect(faults().map(({ code }) => code)).toEqual(['updates-unpublished'])
    await server.pool.query('insert into members values (1, 1); update members set status = null; delete from members')
  })

  it('a key that is dropped later is noticed: writes work again, and the catalog is out of force until it is back', async () => {
    const { admission, told, faults } = recorded()
    await admission.start([documentOf()], neverBefore)
    await server.pool.query('alter table members drop constraint members_pkey')
    await admission.recheck()
    await server.pool.query('insert into members values (1, 1); update members set status = null')
    expect(await published()).toEqual(['freshet_append:public.members'])
    expect(faults().map(({ code }) => code)).toEqual(['updates-unpublished'])
    expect(admission.inForce).toEqual([])
    const before = told.length
    await admission.recheck()
    expect(told.slice(before).filter((line) => line.startsWith('refused'))).toEqual([])
    await server.pool.query('alter table members add primary key (id)')
    await admission.recheck()
    expect(told.slice(-2)).toEqual([
      'gap catalog-in-force 1 [freshet:public.members]',
      'accepted 1 [freshet:public.members]',
    ])
  })

  it("somebody else's publication of the same name is never touched", async () => {
    await server.pool.query('create publication freshet for table payments')
    const { admission, faults } = recorded()
    await admission.start([documentOf()], neverBefore)
    expect(faults().map(({ code }) => code)).toEqual(['publication-not-ours'])
    expect(await published()).toEqual(['freshet:public.payments'])
  })
})

describe('a table that comes from a topic of Debezium', () => {
  const foreign = (from: DebeziumTopicJson, table = 'public.payments'): CatalogJson =>
    paymentsDocument({
      tables: {
        [table]: { entity: 'payment', key: ['id'], columns: { id: 'id' }, from },
      },
      rules: [{ on: { table }, fences: [{ key: 'profile', with: { id: 'id' } }] }],
    })

  it('is refused until its topic and its slot are there, both told at once', async () => {
    const { admission, faults } = recorded()
    await admission.start([foreign({ debezium: 'shop.public.invoices', slot: 'debezium' })], neverBefore)
    expect(faults().map(({ code, path }) => [code, path])).toEqual([
      ['topic-missing', 'tables["public.payments"].from.debezium'],
      ['slot-missing', 'tables["public.payments"].from.slot'],
    ])
  })

  it('is not published; its structure is watched, and its entity has a topic for gaps and watermarks', async () => {
    await server.pool.query(`select pg_create_logical_replication_slot('debezium', 'pgoutput')`)
    try {
      const { admission, statuses } = recorded()
      await admission.start([foreign({ debezium: 'shop.public.payments', slot: 'debezium' })], neverBefore)
      expect(statuses).toMatchObject([{ state: 'accepted', parameterKinds: { profile: { id: 'integer' } } }])
      expect(await published()).toEqual([])
      expect(admission.watched.foreign).toEqual([{ table: 'public.payments', entity: 'payment', isHere: true }])
      expect(admission.watched.entities).toEqual(['payment'])
    } finally {
      await server.pool.query(`select pg_drop_replication_slot('debezium')`)
    }
  })

  it('of another database is asked nothing of this one: its types are those that are said', async () => {
    const { admission, statuses } = recorded()
    const from = { debezium: 'shop.public.payments', types: { id: 'uuid' } } as const
    await admission.start([foreign(from, 'elsewhere.payments')], neverBefore)
    expect(statuses).toMatchObject([{ state: 'accepted', parameterKinds: { profile: { id: 'uuid' } } }])
    expect(admission.watched.foreign).toEqual([{ table: 'elsewhere.payments', entity: 'payment', isHere: false }])
  })

  it('cannot be published as well, by another catalog', async () => {
    const { admission, faults } = recorded()
    await admission.start([paymentsDocument()], neverBefore)
    const from = { debezium: 'shop.public.payments', types: { id: 'int8' } } as const
    await admission.offer({ ...foreign(from), owner: 'other' })
    expect(faults()).toMatchObject([{ code: 'source-conflict', path: 'tables["public.payments"].from' }])
  })
})
