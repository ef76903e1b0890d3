import { describe, expect, it } from 'vitest'
import { fileWith, freshet } from './command-line.js'

const shop = {
  format: 1,
  owner: 'shop',
  version: '1',
  tables: {
    'public.sales': { entity: 'sale', key: ['id'], columns: { id: 'id', customerId: 'customer_id', status: 'status' } },
    'public.customers': { entity: 'customer', key: ['id'], columns: { id: 'id' } },
  },
  templates: {
    balance: { template: 'customer:{id}:balance', ttl: '1h' },
    sales: { template: 'customer:{id}:sales:{query}', ttl: '1h' },
    statement: { template: 'statement:{of}', ttl: '1h' },
  },
  rules: [
    {
      name: 'paid',
      on: { table: 'public.sales', operations: ['insert', 'update'], where: { status: 'paid' } },
      fences: [{ key: 'balance', with: { id: 'customerId' } }],
    },
    { on: { table: 'public.customers' }, fences: [{ wildcard: 'customer:{id}:*', with: { id: 'id' } }] },
  ],
  derivations: [{ template: 'statement', from: 'balance', with: { of: 'id' } }],
}

const explain = async (key: string, change: unknown, ...more: readonly string[]) => {
  const { exitCode, printed, noted } = await freshet([
    'explain',
    key,
    '--change',
    await fileWith('change.json', JSON.stringify(change)),
    '--catalog',
    await fileWith('shop.json', JSON.stringify(shop)),
    ...more,
  ])
  return { exitCode, noted, printed, lines: printed.split('\n').map((line) => line.replace(/ +/g, ' ')) }
}
const sale = { id: 1, customerId: 42, status: 'open' }

describe('explain of a key with a change', () => {
  it('says that it is fenced, and by which rule', async () => {
    const { exitCode, lines } = await explain('customer:42:balance', {
      table: 'public.sales',
      insert: { ...sale, status: 'paid' },
    })
    expect(lines).toEqual([
      'customer:42:balance (balance of shop@1) is fenced by the change',
      'RULE FOR THIS KEY',
      'shop@1 rule 0 (paid) fences customer:42:balance',
      'shop@1 rule 1 does not: the change is of another table or event',
    ])
    expect(exitCode).toBe(0)
  })

  it.each([
    [
      'another row',
      { table: 'public.sales', insert: { ...sale, customerId: 7, status: 'paid' } },
      'it fences statement:7 instead',
    ],
    [
      'a condition',
      { table: 'public.sales', update: { old: sale, new: { ...sale, status: 'void' } } },
      'status is not "paid" (old "open", new "void")',
    ],
    ['an operation', { table: 'public.sales', delete: sale }, 'it is about insert, update, and this is delete'],
    [
      'a null',
      { table: 'public.sales', insert: { ...sale, customerId: null, status: 'paid' } },
      'a parameter is null: it fences nothing',
    ],
  ])('says why not, for the sake of %s, and ends with 3', async (_, change, reason) => {
    const { exitCode, lines } = await explain('statement:42', change)
    expect(lines[0]).toBe('statement:42 (statement of shop@1) is not fenced by the change')
    expect(lines.find((line) => line.startsWith('shop@1 rule 0'))).toContain(`does not: ${reason}`)
    expect(exitCode).toBe(3)
  })

  it('tells each of several changes, and is fenced where one of them fences it', async () => {
    const changes = [
      { table: 'public.customers', insert: { id: 7 } },
      { table: 'public.customers', insert: { id: 42 } },
    ]
    const { exitCode, lines } = await explain('customer:42:sales:page=1', changes)
    expect(lines.filter((line) => line.includes('fenced by'))).toEqual([
      'customer:42:sales:page=1 (sales of shop@1) is not fenced by change 1',
      'customer:42:sales:page=1 (sales of shop@1) is fenced by change 2',
    ])
    expect(exitCode).toBe(0)
  })

  it('is the same for machines', async () => {
    const { printed } = await explain('statement:42', { table: 'public.customers', insert: { id: 42 } }, '--json')
    expect(JSON.parse(printed)).toMatchObject([
      [
        {
          key: 'statement:42',
          fenced: true,
          derivations: [{ from: 'balance', with: { of: 'id' } }],
          rules: [
            { rule: 0, verdict: { whyNot: { reason: 'other-source' } } },
            { rule: 1, verdict: { fences: [{ tag: 'statement:42', via: ['balance', 'statement'] }] } },
          ],
        },
      ],
    ])
  })

  it('names the nearest templates where the key is of none', async () => {
    const { exitCode, noted } = await explain('custmer:42:balance', { table: 'public.customers', insert: { id: 42 } })
    expect(noted).toMatch(/^"custmer:42:balance" is a key of no template; the nearest are customer:\{id\}:balance, /)
    expect(noted).not.toContain('    at ')
    expect(exitCode).toBe(1)
  })

  it('names what no catalog declares', async () => {
    const { exitCode, noted } = await explain('customer:42:balance', { table: 'public.sale', insert: sale })
    expect(noted).toContain('declares no table "public.sale"')
    expect(exitCode).toBe(1)
  })
})

it.each([[[]], [['--json', '--change', 'x.json']]])('explain %j asks for a key', async (more) => {
  const { exitCode, noted } = await freshet(['explain', ...more])
  expect(noted).toContain('name a key')
  expect(exitCode).toBe(1)
})
