import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { membersCatalog } from '../src/index.js'
import { knownKeys, Precision, precisionTables, someWrite, type MeasuredWrite } from '../src/testing.js'
import { openDatabase, type Database } from './database.js'
import { bytesOf, logChanges, roundOf } from './rounds.js'

const world = { members: ['1', '2', '3', '4', '5', '6'], organizations: ['1', '2', '3'] }
const keys = knownKeys(world)

// `npm run bench:precision` measures the same over real servers, for longer.
describe('of some hundred writes of every kind', () => {
  let database: Database
  const written: MeasuredWrite[] = []

  beforeAll(async () => {
    database = await openDatabase({ members: 6, payments: 30, organizations: 3 })
    await logChanges(database)
    const numbers = fc.sample(fc.nat(), { seed: 42, numRuns: 10_000 })
    let used = 0
    let before: readonly string[] = await bytesOf(database, keys)
    for (let write = 0; write < 200; write++) {
      const { kind, sql } = someWrite((below) => (numbers[used++ % numbers.length] ?? 0) % below, world)
      const round = await roundOf(database, keys, sql, before)
      written.push({ kind, ...round })
      before = round.after
    }
  }, 120_000)
  afterAll(() => database.close())

  const measured = (writes: readonly MeasuredWrite[]): Precision => {
    const precision = new Precision(membersCatalog, keys)
    for (const write of writes) precision.add(write)
    return precision
  }

  it('each value that one altered is fenced, and a rule on single keys hardly ever fences another', () => {
    const precision = measured(written)
    expect(precision.faults).toEqual([])
    expect(precisionTables(precision)).toContain('member:{id}:balance')
  })

  it('a database that does not tell what an update changed costs precision, and loses nothing', () => {
    const { faults } = measured(
      written.map(({ changes, ...write }) => ({
        ...write,
        changes: changes.map(({ changed: _, ...change }) => change),
      })),
    )
    expect(faults).toEqual(['the rule balance on member:{id}:balance is less precise than 0.9'])
  })
})
