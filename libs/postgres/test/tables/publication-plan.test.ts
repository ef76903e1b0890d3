import { describe, expect, it } from 'vitest'
import { planPublications, type PublicationState, type PublicationWish } from '../../src/tables/publication-plan.js'

const mark = 'Managed by Freshet, namespace test'
const wish = (tables: Record<string, 'all' | 'inserts'>, version = 18): PublicationWish => ({
  name: 'freshet',
  mark,
  version,
  tables: new Map(Object.entries(tables)),
})
const state = (change: Partial<PublicationState> = {}): PublicationState => ({
  name: 'freshet',
  comment: mark,
  owner: 'freshet',
  owned: true,
  allTables: false,
  schemas: false,
  actions: 'insert, update, delete, truncate',
  viaRoot: true,
  generated: 'stored',
  tables: [],
  ...change,
})
const append = (change: Partial<PublicationState> = {}): PublicationState =>
  state({ name: 'freshet_append', actions: 'insert, truncate', ...change })
const has = (...names: string[]): Partial<PublicationState> => ({
  tables: names.map((name) => ({ name, restricted: false })),
})

describe('the plan for the publications', () => {
  it('creates both, marked as ours, before any catalog asks for a table', () => {
    expect(planPublications(wish({}), []).statements).toEqual([
      `create publication "freshet" with (publish = 'insert, update, delete, truncate', publish_via_partition_root = true, publish_generated_columns = stored)`,
      `comment on publication "freshet" is '${mark}'`,
      `create publication "freshet_append" with (publish = 'insert, truncate', publish_via_partition_root = true, publish_generated_columns = stored)`,
      `comment on publication "freshet_append" is '${mark}'`,
    ])
    expect(planPublications(wish({}, 17), []).statements.join()).not.toContain('generated')
  })

  it('does nothing when all is as it shall be', () => {
    const plan = planPublications(wish({ 'public.a': 'all', 'public.b': 'inserts' }), [
      state(has('public.a')),
      append(has('public.b')),
    ])
    expect(plan).toEqual({ statements: [], gained: [], faults: [] })
  })

  it('takes a table out of one before the other gets it, and says that it gained something', () => {
    const plan = planPublications(wish({ 'public.a': 'all' }), [state(), append(has('public.a'))])
    expect(plan.statements).toEqual([
      'alter publication "freshet_append" drop table only "public"."a"',
      'alter publication "freshet" add table only "public"."a"',
    ])
    expect(plan.gained).toEqual(['public.a'])
  })

  it('replaces a column list that someone put on a table, since it could make an update fail', () => {
    const tables = [{ name: 'public.a', restricted: true }]
    const plan = planPublications(wish({ 'public.a': 'all' }), [state({ tables }), append()])
    expect(plan.statements).toEqual([
      'alter publication "freshet" drop table only "public"."a"',
      'alter publication "freshet" add table only "public"."a"',
    ])
    expect(plan.gained).toEqual(['public.a'])
  })

  it('counts every table as regained when its publication had lost an action', () => {
    const plan = planPublications(wish({ 'public.a': 'all', 'public.b': 'all' }), [
      state({ ...has('public.a', 'public.b'), actions: 'insert' }),
      append(),
    ])
    expect(plan.statements).toHaveLength(1)
    expect(plan.gained).toEqual(['public.a', 'public.b'])
  })

  it.each([
    ['has no mark', state({ comment: undefined })],
    ["has another namespace's mark", state({ comment: 'Managed by Freshet, namespace other' })],
    ['has all tables', state({ allTables: true })],
    ['has a schema', state({ schemas: true })],
  ])('never touches a publication that %s', (_title, other) => {
    const plan = planPublications(wish({ 'public.a': 'all' }), [other, append()])
    expect(plan.statements).toEqual([])
    expect(plan.faults).toMatchObject([{ code: 'publication-not-ours', publication: 'freshet' }])
  })

  it('needs no ownership while there is nothing to change', () => {
    const owned = { owned: false, owner: 'dba' }
    const unchanged = planPublications(wish({ 'public.a': 'all' }), [
      state({ ...has('public.a'), ...owned }),
      append(owned),
    ])
    expect(unchanged.faults).toEqual([])
    const changed = planPublications(wish({ 'public.b': 'all' }), [state({ ...has('public.a'), ...owned }), append()])
    expect(changed.faults).toEqual([{ code: 'publication-not-owned', publication: 'freshet', owner: 'dba' }])
  })

  it('quotes names, so that none can end a statement', () => {
    const plan = planPublications(wish({ 'my"schema.Order;x': 'all' }), [state(), append()])
    expect(plan.statements).toEqual(['alter publication "freshet" add table only "my""schema"."Order;x"'])
  })
})
