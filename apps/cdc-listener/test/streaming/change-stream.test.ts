import { continuityBreak, isVisible, positionAt, type StreamPosition } from '@freshet/coherence'
import { encodeEmittedEvent, type ChangeRecord, type DomainEventRecord, type WatermarkRecord } from '@freshet/events'
import { dropSlot, readSlot } from '@freshet/postgres'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { WatchedTable } from '../../src/watched-tables.js'
import { listen, publication, slotName, startScene, until, type Listening, type Scene } from './listening.js'
import { members, partitions, watching } from './members.js'

vi.setConfig({ testTimeout: 60_000 })

/** `public.notes`: partitioned, with a column that lies in TOAST. */
const notes: WatchedTable = {
  table: 'public.notes',
  entity: 'note',
  keyColumns: ['id'],
  watchedColumns: ['body', 'id', 'region'],
  oldColumns: ['id', 'region'],
  partitioned: true,
  events: [],
  appendOnly: false,
}
const watched = watching(members, notes)

let scene: Scene
let listening: Listening | undefined
/** How many records there were before this test. */
let before: number

beforeAll(async () => {
  scene = await startScene()
  await scene.pool.query(`
    create type mood as enum ('sad', 'glad');
    create table members (id int not null, organization_id bigint not null, name text, status text, unique (id, organization_id));
    alter table members replica identity using index members_id_organization_id_key;
    create table notes (id int not null, region text not null, body text, primary key (id, region)) partition by list (region);
    create table notes_north partition of notes for values in ('north');
    create table notes_south partition of notes for values in ('south');
    alter table notes alter body set storage external;
    create table other (id int primary key, note text);
    create publication ${publication} for table members, notes, other with (publish_via_partition_root = true)`)
}, 120_000)
afterAll(() => scene.stop())
beforeEach(async () => {
  await scene.pool.query('truncate members, notes, other')
  await scene.caughtUp()
  before = scene.records.length
})
afterEach(async () => {
  await listening?.stream.stop()
  listening = undefined
  if (await readSlot(scene.pool, slotName)) await dropSlot(scene.pool, slotName)
})

const start = async (): Promise<Listening> => (listening = await listen(scene, watched))
const sql = (text: string, ...values: unknown[]) => scene.pool.query<Record<string, unknown>>(text, values)
/** The end of the log that was written so far. */
const endOfLog = async (): Promise<bigint> =>
  BigInt(String((await sql(`select (pg_current_wal_insert_lsn() - '0/0')::text as at`)).rows[0]?.['at']))
const since = () => scene.records.slice(before).map(({ record }) => record)
const changes = (): ChangeRecord[] =>
  since()
    .filter((record) => record.kind === 'change')
    .sort((left, right) => Number(left.commit.lsn - right.commit.lsn) || left.commit.index - right.commit.index)
const events = (): DomainEventRecord[] => since().filter((record) => record.kind === 'event')
const watermarks = (): WatermarkRecord[] => since().filter((record) => record.kind === 'watermark')
const brief = ({ table, operation, key, old, new: row }: ChangeRecord): unknown[] => [
  table.slice('public.'.length),
  operation,
  key,
  old ?? null,
  row ?? null,
]

/** Every gap that a reader of any partition would have seen so far. */
function gapsSeen(): string[] {
  const positions = new Map<string, StreamPosition>()
  return scene.records.slice(before).flatMap(({ topic, partition, offset, record }) => {
    if (record.kind !== 'watermark') return []
    const place = `${topic}/${partition}`
    const last = positions.get(place)
    positions.set(place, positionAt(record, offset))
    const cause = last && continuityBreak(last, record, offset)
    return cause ? [`${place} ${cause}`] : []
  })
}

describe('what is committed', () => {
  it('is one record a change, with old and new rows, in the order of commits', async () => {
    await start()
    await sql(`insert into members values (1, 10, 'Ada', 'active'), (2, 10, 'Bob', 'active')`)
    await sql(`update members set name = 'Adah' where id = 1`)
    await sql(`update members set organization_id = 11 where id = 1`)
    await sql(`update members set id = 3 where id = 2`)
    await sql(`begin; delete from members where id = 1; rollback`)
    await sql(`delete from members where id = 3`)
    await until(
      'six changes',
      () => changes().length,
      (count) => count >= 6,
    )
    expect(changes().map(brief)).toEqual([
      ['members', 'insert', { id: 1 }, null, { id: 1, organization_id: '10', status: 'active' }],
      ['members', 'insert', { id: 2 }, null, { id: 2, organization_id: '10', status: 'active' }],
      [
        'members',
        'update',
        { id: 1 },
        { id: 1, organization_id: '10' },
        { id: 1, organization_id: '10', status: 'active' },
      ],
      [
        'members',
        'update',
        { id: 1 },
        { id: 1, organization_id: '10' },
        { id: 1, organization_id: '11', status: 'active' },
      ],
      [
        'members',
        'update',
        { id: 3 },
        { id: 2, organization_id: '10' },
        { id: 3, organization_id: '10', status: 'active' },
      ],
      ['members', 'delete', { id: 3 }, { id: 3, organization_id: '10' }, null],
    ])
  })

  it('carries the transaction that readers of the database know it by', async () => {
    await start()
    const { rows } = await sql(
      `with row as (insert into members values (1, 10, 'Ada', 'active')) select pg_current_xact_id()::text as xid`,
    )
    const [change] = await until('the change', changes, (seen) => seen.length >= 1)
    expect(String(change?.commit.xid)).toBe(rows[0]?.['xid'])
    expect(Math.abs(Number(change?.commit.at) - Date.now())).toBeLessThan(20_000)
  })

  it('in a partitioned table is told of the root; a row that moves is one update; TOAST that stays is left out', async () => {
    await start()
    await sql(`insert into notes values (1, 'north', repeat('x', 5000))`)
    await sql(`update notes set region = 'south'`)
    await sql(`insert into notes values (2, 'north', repeat('y', 5000)) on conflict do nothing`)
    await sql(`update notes set id = 5 where id = 2`)
    await sql(`delete from notes where id = 1`)
    const seen = await until('five changes', changes, ({ length }) => length >= 5)
    expect(seen.map(({ table, operation, new: row }) => [table, operation, Object.keys(row ?? {})])).toEqual([
      ['public.notes', 'insert', ['id', 'region', 'body']],
      ['public.notes', 'update', ['id', 'region', 'body']],
      ['public.notes', 'insert', ['id', 'region', 'body']],
      ['public.notes', 'update', ['id', 'region']],
      ['public.notes', 'delete', []],
    ])
    expect(seen[1]?.old).toEqual({ id: 1, region: 'north' })
  })

  it('is a truncate on every partition, and an emitted event only where its transaction committed', async () => {
    await start()
    const voided = encodeEmittedEvent({ event: 'invoice.voided', parameters: { memberId: 42n } })
    const emit = `select pg_logical_emit_message(true, 'freshet:test', '${voided}')`
    await sql(`begin; ${emit}; rollback`)
    await sql(`begin; truncate members; ${emit}; commit`)
    await until(
      'truncate and event',
      () => [changes().length, events().length],
      ([c, e]) => c === partitions && e === 1,
    )
    expect(new Set(changes().map(({ id }) => id)).size).toBe(1)
    expect(changes().map(({ operation }) => operation)).toEqual(['truncate', 'truncate', 'truncate'])
    expect(events()[0]).toMatchObject({ name: 'invoice.voided', emitted: true, values: { memberId: '42' } })
    expect(events()[0]?.commit.lsn).toBe(changes()[0]?.commit.lsn)
  })

  it('goes on as text when a value of a type comes that has no known binary form', async () => {
    const { occurrences } = await start()
    const lost = vi.fn()
    occurrences.on('stream:lost', ({ because }) => void lost(because))
    await sql(`alter table members add mood mood`)
    listening?.stream.watch(watching({ ...members, watchedColumns: [...members.watchedColumns, 'mood'] }, notes))
    await sql(`insert into members values (1, 10, 'Ada', 'active', 'glad')`)
    const [change] = await until('the change', changes, (seen) => seen.length >= 1)
    expect(change?.new).toMatchObject({ id: 1, mood: 'glad' })
    expect(lost).toHaveBeenCalledWith('a value came in a binary form that is not known')
    await sql(`alter table members drop mood`)
  })
})

describe('a watermark', () => {
  it('stands on every partition behind all that it closes, and shows no gap', async () => {
    await start()
    for (let id = 1; id <= 200; id++) await sql(`insert into members values ($1, 10, 'n', 'active')`, id)
    const end = await endOfLog()
    const last = () =>
      new Map(
        scene.records
          .slice(before)
          .flatMap(({ topic, partition, record }) =>
            record.kind === 'watermark' ? [[`${topic}/${partition}`, record.lsn]] : [],
          ),
      )
    await until(
      'a watermark behind the last commit on every partition',
      () => [...last()],
      (seen) => seen.length === 3 * partitions && seen.every(([, position]) => position >= end),
    )
    expect([...last().keys()].sort()).toEqual(
      ['invoice.events.v1', 'member.changes.v1', 'note.changes.v1'].flatMap((topic) =>
        [0, 1, 2].map((partition) => `${topic}/${partition}`),
      ),
    )
    expect(gapsSeen()).toEqual([])
    for (const place of last().keys()) {
      let closed: WatermarkRecord | undefined
      const there = scene.records.slice(before).filter(({ topic, partition }) => `${topic}/${partition}` === place)
      for (const { record } of there) {
        if (record.kind === 'watermark') closed = record
        else if (record.kind === 'change' && closed) {
          expect(record.commit.lsn).toBeGreaterThan(closed.lsn)
          expect(isVisible(record.commit.xid, closed.snapshot)).toBe(false)
        }
      }
    }
  })

  it('comes every second at least on an idle server, also while a transaction is open that wrote something', async () => {
    await start()
    const open = new pg.Client(scene.stack.postgresUrl)
    await open.connect()
    try {
      await open.query(`begin; insert into other values (1, 'not committed')`)
      const written = await endOfLog()
      await until(
        'a watermark behind what the open transaction wrote',
        () => watermarks().at(-1)?.lsn ?? 0n,
        (position) => position >= written,
      )
    } finally {
      await open.end()
    }
  })
})

describe('a listener', () => {
  it('that stops has acknowledged all that it read: the next one repeats nothing', async () => {
    const first = await start()
    await sql(`insert into members select id, 10, 'n', 'active' from generate_series(1, 500) id`)
    await until(
      'all changes',
      () => changes().length,
      (count) => count >= 500,
    )
    await first.stream.stop()
    await start()
    await sql(`insert into members values (1000, 10, 'n', 'active')`)
    await until(
      'the next change',
      () => changes().length,
      (count) => count >= 501,
    )
    expect(changes().length).toBe(501)
    expect(gapsSeen()).toEqual([])
  })

  it('that is killed again and again loses nothing, and what comes twice has the same id', async () => {
    let written = 0
    const write = async (): Promise<void> => {
      for (let at = 0; at < 150; at++) await sql(`insert into members values ($1, 10, 'n', 'active')`, ++written)
    }
    await start()
    for (let kill = 0; kill < 3; kill++) {
      const seen = changes().length
      const writing = write()
      await until(
        'some of it',
        () => changes().length,
        (count) => count >= seen + 50,
      )
      await listening?.die()
      await start()
      await writing
    }
    const ids = () => changes().map(({ key, id }) => [key?.['id'], id] as const)
    await until(
      'every change',
      () => new Set(ids().map(([key]) => key)).size,
      (count) => count >= written,
    )
    const byId = new Map(ids().map(([key, id]) => [id, key]))
    expect(byId.size).toBe(written)
    expect([...byId.values()].sort((one, other) => Number(one) - Number(other))).toEqual(
      Array.from({ length: written }, (_, at) => at + 1),
    )
    expect(gapsSeen()).toEqual([])
  })

  it('lets Postgres shut down, and goes on when it is back', async () => {
    await start()
    await sql(`insert into members values (1, 10, 'n', 'active')`)
    await until(
      'the change',
      () => changes().length,
      (count) => count >= 1,
    )
    await sql(`select pg_log_standby_snapshot()`) // log behind the last watermark, and nobody to ask for a new one
    const { postgres } = scene.stack.servers
    const from = performance.now()
    await postgres.kill('SIGINT')
    expect(performance.now() - from).toBeLessThan(5_000)
    await postgres.start()
    await sql(`insert into members values (2, 10, 'n', 'active')`)
    await until(
      'the next change',
      () => changes().map(({ key }) => key?.['id']),
      (seen) => seen.includes(2),
    )
    expect(gapsSeen()).toEqual([])
  })

  it('whose broker is away waits, keeps its slot where it was, and loses nothing', async () => {
    const { occurrences } = await start()
    const failures = vi.fn()
    occurrences.on('publish:failed', failures)
    await until(
      'a watermark',
      () => watermarks().length,
      (count) => count > 0,
    )
    const { kafka } = scene.stack.servers
    await kafka.kill('SIGSTOP')
    await sql(`insert into members select id, 10, 'n', 'active' from generate_series(1, 20000) id`)
    const before = await readSlot(scene.pool, slotName)
    await until(
      'it still reports to the server',
      async () =>
        (await sql(`select count(*)::int as n from pg_stat_replication where reply_time > now() - interval '2 s'`))
          .rows,
      (rows) => rows[0]?.['n'] === 1,
    )
    expect((await readSlot(scene.pool, slotName))?.confirmedLsn).toBe(before?.confirmedLsn)
    await kafka.kill('SIGCONT')
    await until(
      'all changes',
      () => new Set(changes().map(({ id }) => id)).size,
      (count) => count >= 20_000,
    )
    expect(gapsSeen()).toEqual([])
  })

  it('whose broker was killed sends on once it is back', async () => {
    await start()
    await until(
      'a watermark',
      () => watermarks().length,
      (count) => count > 0,
    )
    const { kafka } = scene.stack.servers
    await kafka.kill('SIGKILL')
    await sql(`insert into members select id, 10, 'n', 'active' from generate_series(1, 3000) id`)
    await kafka.start()
    await until(
      'all changes',
      () => new Set(changes().map(({ id }) => id)).size,
      (count) => count >= 3_000,
    )
    expect(gapsSeen()).toEqual([])
  })

  it('whose slot was dropped begins a new one behind a gap over everything', async () => {
    await start()
    await until(
      'a watermark',
      () => watermarks().length,
      (count) => count > 0,
    )
    await sql(
      'select pg_terminate_backend(active_pid), pg_drop_replication_slot(slot_name) from pg_replication_slots',
    ).catch(async () => {
      await until(
        'the slot is gone',
        () =>
          dropSlot(scene.pool, slotName).then(
            () => true,
            () => false,
          ),
        (gone) => gone,
      )
    })
    const gaps = () =>
      scene.records
        .slice(before)
        .flatMap(({ topic, partition, record }) =>
          record.kind === 'gap' ? [{ place: `test.${topic}/${partition}`, record }] : [],
        )
    await until(
      'a gap on every partition',
      () => gaps().length,
      (count) => count >= 3 * partitions,
    )
    expect(gaps()[0]?.record).toMatchObject({ cause: 'slot-lost', scope: { kind: 'all' } })
    expect(
      gaps()
        .map(({ place }) => place)
        .sort(),
    ).toEqual([...(gaps()[0]?.record.partitions ?? [])].sort())
    expect(new Set(gaps().map(({ record }) => record.gapId)).size).toBe(1)
    await sql(`insert into members values (1, 10, 'n', 'active')`)
    await until(
      'the next change',
      () => changes().length,
      (count) => count >= 1,
    )
  })
})
