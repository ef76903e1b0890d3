import { EventEmitter } from 'node:events'
import { parseTemplate } from '@freshet/cache-keys'
import { catalogFromJson } from '@freshet/catalog'
import { startPostgresPair, type PostgresPair } from '@freshet/local-stack'
import { createPool } from '@freshet/postgres'
import type { PoolClient } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keyLists } from '../../../docs/examples/shop-warm-up.ts'
import { templateNamed, templatesIn } from '../src/warm/chosen-templates.js'
import { keySourceOf, type KeySource } from '../src/warm/key-source.js'
import { KeyListError, listKeys, type ListedKeys } from '../src/warm/listed-keys.js'
import { countsText, progressLine } from '../src/warm/progress.js'
import { RunTally } from '../src/warm/run-tally.js'
import { topRunKeys } from '../src/warm/top-keys.js'
import { terminalOf } from '../src/terminal.js'

const catalogOf = (owner: string, version = '1', text = 'item:{id}:price') =>
  catalogFromJson({
    format: 1,
    owner,
    version,
    tables: {},
    templates: { price: { template: text, ttl: '1h' }, list: { template: 'items:list:{query}', ttl: '1h' } },
    rules: [],
  })

describe('keys of a template', () => {
  let pair: PostgresPair
  let pool: ReturnType<typeof createPool>
  let client: PoolClient
  let lists = 0
  beforeAll(async () => {
    pair = await startPostgresPair()
    pool = createPool({ url: pair.primaryUrl, applicationName: 'warm-test' })
    await pool.query(`create table items (id int8 primary key, "Made" date not null default '2026-02-03', sold bool)`)
    await pool.query('insert into items (id, sold) select id, true from generate_series(1, 1201) id')
    client = await pool.connect()
  }, 60_000)
  afterAll(async () => {
    client?.release(true)
    await pool?.end()
    await pair?.stop()
  })

  const template = { owner: 'shop', name: 'price', template: parseTemplate('item:{id}:price') }
  const list = (source: KeySource, of = template): Promise<ListedKeys> =>
    listKeys(of, source, { pool, client, cursor: `test_${++lists}` })
  const ofQuery = (sql: string): KeySource => ({ from: 'keyLists.price', sql })

  async function piecesOf(listed: ListedKeys) {
    const pieces = []
    for await (const piece of listed.chunks()) pieces.push(piece)
    return pieces
  }

  it('are read in pieces from what the server holds, with their number known before, beyond any transaction', async () => {
    const listed = await list(ofQuery('select id::text as id from items order by items.id'))
    expect(listed.total).toBe(1201)
    const states = await pool.query<{ state: string }>(
      `select state from pg_stat_activity where query like 'move absolute%'`,
    )
    expect(states.rows).toEqual([{ state: 'idle' }]) // not "in transaction"
    await pool.query('delete from items where id = 1201')
    const pieces = await piecesOf(listed)
    expect(pieces.map((piece) => piece.length)).toEqual([500, 500, 201])
    expect(pieces[0]?.[1]).toEqual({ owner: 'shop', template: 'price', key: 'item:2:price', parameters: { id: '2' } })
  })

  it('have the same text as a decoded row, whatever their columns are', async () => {
    const typed = { ...template, template: parseTemplate('made:{made}:{sold}:{query}') }
    const sql = `select "Made"::text as made, sold::text as sold, '{"page": 2, "of": ["a", null]}'::jsonb as query from items limit 1`
    const [[key] = []] = await piecesOf(await list(ofQuery(sql), typed))
    expect(key?.key).toBe('made:2026-02-03:true:of=+a,+,&page=2')
  })

  it("the documentation's list of a query is read as it stands there", async () => {
    await pool.query('create schema shop; create table shop.customers (id int primary key)')
    await pool.query('insert into shop.customers values (1), (2)')
    const sales = { owner: 'shop', name: 'sales', template: parseTemplate('customer:{customerId}:sales:{query}') }
    const source = keySourceOf(catalogOf('shop'), sales, keyLists['sales'])
    if ('reason' in source) throw new Error(source.reason)
    const [keys = []] = await piecesOf(await list(source, sales))
    expect(keys.map(({ key }) => key)).toEqual(['customer:1:sales:', 'customer:2:sales:'])
  })

  it('a query may not write, and a wrong one is told with its template and place', async () => {
    await expect(list(ofQuery('select nothing from items'))).rejects.toThrow(
      'The keys of "shop/price" cannot be read from keyLists.price: column "nothing" does not exist',
    )
    await expect(list(ofQuery("select set_config('a.b', 'c', false) as id, nextval('none')"))).rejects.toThrow(
      KeyListError,
    )
    await pool.query('create sequence numbers')
    await expect(list(ofQuery(`select nextval('numbers')::text as id`))).rejects.toThrow('read-only transaction')
    expect((await list(ofQuery('select id::text as id from items where id < 3'))).total, 'still usable').toBe(2)
  })

  it('come from a function as it yields them, however many, and its errors are told as its own', async () => {
    let yielded = 0
    const endless: KeySource = {
      from: 'keyLists.price',
      list: function* () {
        for (;;) yield { id: BigInt(++yielded) }
      },
    }
    const listed = await list(endless)
    expect(listed.total).toBeUndefined()
    for await (const [first, ...others] of listed.chunks()) {
      expect(first).toMatchObject({ key: 'item:1:price', parameters: { id: '1' } })
      expect(others).toHaveLength(99)
      break
    }
    expect(yielded).toBe(100)
    const failing: KeySource = {
      from: 'keyLists.price',
      // eslint-disable-next-line require-yield
      list: function* () {
        throw new Error('the file is gone')
      },
    }
    await expect(list(failing).then(piecesOf)).rejects.toThrow(
      'The keys of "shop/price" cannot be read from keyLists.price: the file is gone',
    )
    const unnamed: KeySource = { from: 'keyLists.price', list: () => [{ item: 5 }] }
    await expect(list(unnamed).then(piecesOf)).rejects.toThrow(/Parameter "id" is missing/)
  })
})

describe('a template', () => {
  const templates = templatesIn([catalogOf('shop'), catalogOf('shop', '2', 'item:{sku}:price'), catalogOf('bank')])

  it('is found by its text, and by its name where only one service has it', () => {
    expect(templateNamed(templates, 'shop/price')).toMatchObject({
      owner: 'shop',
      template: { text: 'item:{sku}:price' },
    })
    expect(templateNamed(templates, 'item:{sku}:price').owner).toBe('shop')
    expect(() => templateNamed(templates, 'price')).toThrow('name one of shop/price, bank/price')
    expect(() => templateNamed(templates, 'prise')).toThrow('there are shop/price, shop/list, bank/price, bank/list')
  })
})

it('hot keys are warmed by their parameters; what has lost them is left out and counted', () => {
  const keys = ['item:7:price', 'item:8:price', 'thing:8'].map((key) => ({ owner: 'shop', template: 'price', key }))
  const digest = { owner: 'shop', template: 'list', key: `items:list:~${'0'.repeat(64)}` }
  const page = { owner: 'shop', template: 'list', key: 'items:list:page=2' }
  const foreign = { owner: 'other', template: 'price', key: 'item:7:price' }
  const { keys: run, leftOut } = topRunKeys([...keys, digest, page, foreign], [], templatesIn([catalogOf('shop')]), 100)
  expect(run.map(({ parameters }) => parameters)).toEqual([{ id: '7' }, { id: '8' }, { query: { page: '2' } }])
  expect(leftOut).toBe(3)
})

it('the hottest of the day go first, and where they are too few those of the hour follow, each once', () => {
  const keyOf = (id: number) => ({ owner: 'shop', template: 'price', key: `item:${id}:price` })
  const { keys } = topRunKeys([keyOf(1), keyOf(2)], [keyOf(3), keyOf(1), keyOf(4)], templatesIn([catalogOf('shop')]), 3)
  expect(keys.map(({ key }) => key)).toEqual(['item:1:price', 'item:2:price', 'item:3:price'])
})

describe('progress', () => {
  const tally = new RunTally()
  tally.ended({ template: 'price', outcome: 'warmed', times: 1_000 })
  tally.ended({ template: 'price', outcome: 'fresh', times: 200 })
  tally.ended({ template: 'list', outcome: 'failed', times: 50 })

  it('shows how much of all is done, what came of it, how quickly, and how long it will take', () => {
    expect(progressLine(tally.all, 5_000, 10_000)).toBe(
      '[#####...............] 25 %, 1,250 of 5,000 keys: 1,000 warmed, 200 already fresh, 0 refused, 50 failed, 125/s, 30s left',
    )
    expect(progressLine(tally.all, undefined, 10_000)).toMatch(/^1,250 keys: 1,000 warmed/)
    expect(progressLine(new RunTally().all, 0, 0)).toMatch(/^\[#{20}\] 100 %, 0 of 0 keys/)
  })

  it('names keys that came too late, or that no warmer knew, where there are some', () => {
    tally.ended({ template: 'list', outcome: 'late', times: 2 })
    expect(countsText(tally.all)).toBe('1,000 warmed, 200 already fresh, 0 refused, 50 failed, 2 late')
    expect(tally.isWhole).toBe(false)
  })
})

describe('a terminal', () => {
  const streamOf = (isTTY: boolean) => {
    const written: string[] = []
    const stream = Object.assign(new EventEmitter(), {
      isTTY,
      columns: 20,
      write: (text: string) => written.push(text),
    })
    return { written, stream: stream as unknown as NodeJS.WriteStream }
  }

  it('draws the status over itself, never longer than a line, and lines go above it', () => {
    const { written, stream } = streamOf(true)
    const terminal = terminalOf(stream, stream)
    terminal.status?.('a line of more than twenty characters')
    terminal.note('something')
    terminal.status?.('')
    const clear = '\r\u001b[K'
    const drawn = `${clear}a line of more than`
    expect(written).toEqual([drawn, clear, 'something\n', `${drawn}`, clear])
  })

  it('that is none has no status', () => {
    const { stream } = streamOf(false)
    expect(terminalOf(stream, stream).status).toBeUndefined()
  })
})
