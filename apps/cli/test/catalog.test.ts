import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { fileWith, freshet } from './command-line.js'

const accounts = {
  format: 1,
  owner: 'accounts',
  version: '1',
  tables: { 'public.accounts': { entity: 'account', key: ['id'], columns: { id: 'aid' } } },
  templates: { account: { template: 'account:{id}', ttl: '1h' } },
  rules: [{ on: { table: 'public.accounts' }, fences: [{ key: 'account', with: { id: 'id' } }] }],
}

it('validate says which catalog is valid', async () => {
  const { exitCode, printed } = await freshet([
    'catalog',
    'validate',
    await fileWith('ok.json', JSON.stringify(accounts)),
  ])
  expect(printed).toContain('accounts@1 is valid')
  expect(exitCode).toBe(0)
})

it('validate prints every fault at once, and fails', async () => {
  const faulty = {
    ...accounts,
    templates: { account: { template: 'account:{id}', ttl: 'soon' } },
    rules: [{ on: { table: 'public.accounts' }, fences: [{ key: 'acount', with: { id: 'id' } }] }],
  }
  const { exitCode, printed } = await freshet([
    'catalog',
    'validate',
    await fileWith('bad.json', JSON.stringify(faulty)),
  ])
  expect(printed).toContain('2 faults')
  expect(printed).toContain('templates.account.ttl')
  expect(printed).toContain('rules[0].fences[0].key')
  expect(exitCode).toBe(1)
})

it('build writes JSON that validate accepts', async () => {
  const json = JSON.stringify(accounts)
  const module = await fileWith('module.js', `export const catalog = { json: ${json}, fingerprint: '' }\n`)
  const out = join(dirname(module), 'catalog.json')
  expect((await freshet(['catalog', 'build', module, '--out', out])).exitCode).toBe(0)
  expect(JSON.parse(await readFile(out, 'utf8'))).toEqual(accounts)
  expect((await freshet(['catalog', 'validate', out])).exitCode).toBe(0)
})

it('build without --out prints the JSON and nothing else', async () => {
  const { printed } = await freshet(['catalog', 'build', await fileWith('ok.json', JSON.stringify(accounts))])
  expect(JSON.parse(printed)).toEqual(accounts)
})

it.each([
  ['missing.json', 'ENOENT'],
  ['no-such-package', 'neither a .json file, nor a path to a module, nor an installed package'],
])('a source that is none (%s) is said in one message without a stack', async (source, reason) => {
  const { exitCode, noted } = await freshet(['catalog', 'validate', source])
  expect(noted).toContain(reason)
  expect(noted).not.toContain('    at ')
  expect(exitCode).toBe(1)
})

it('a module that exports no catalog is told what to export', async () => {
  const { noted } = await freshet(['catalog', 'validate', await fileWith('empty.js', 'export const other = 1\n')])
  expect(noted).toContain('export what catalog(...) returns')
})

const chain = {
  ...accounts,
  templates: { ...accounts.templates, statement: { template: 'statement:{of}', ttl: '1h' } },
  derivations: [{ template: 'statement', from: 'account', with: { of: 'id' } }],
}

it('graph draws tables, templates and derivations', async () => {
  const file = await fileWith('chain.json', JSON.stringify(chain))
  const { exitCode, printed } = await freshet(['catalog', 'graph', file])
  expect(exitCode).toBe(0)
  expect(printed.split('\n')).toEqual([
    'flowchart LR',
    '  n0["account:#123;id#125;"]',
    '  n1["statement:#123;of#125;"]',
    '  n2[("public.accounts")]',
    '  n2 -->|"id = id"| n0',
    '  n0 -.->|"of = id"| n1',
  ])
  const dot = await freshet(['catalog', 'graph', file, '--format', 'dot'])
  expect(dot.printed).toContain('"accounts@1/account" -> "accounts@1/statement" [label="of = id", style=dashed]')
  const json = await freshet(['catalog', 'graph', file, '--format', 'json'])
  expect(JSON.parse(json.printed)).toMatchObject({ nodes: { length: 3 }, edges: { length: 2 } })
})

it('explain says what a change would fence, by which rule and which way', async () => {
  const change = { table: 'public.accounts', update: { old: { id: 1 }, new: { id: 2 } } }
  const { exitCode, printed } = await freshet([
    'explain',
    '--change',
    await fileWith('change.json', JSON.stringify(change)),
    '--catalog',
    await fileWith('chain.json', JSON.stringify(chain)),
  ])
  expect(exitCode).toBe(0)
  expect(printed.split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual([
    'FENCES BECAUSE',
    'account:1 accounts@1 rule 0',
    'account:2 accounts@1 rule 0',
    'statement:1 accounts@1 rule 0, by account -> statement',
    'statement:2 accounts@1 rule 0, by account -> statement',
  ])
})

it.each([
  ['{"table": "public.accounts", "upsert": {}}', 'No change in'],
  ['{', 'No change in'],
  ['{"table": "public.acounts", "truncate": true}', 'declares no table "public.acounts"'],
  ['{"table": "public.accounts", "insert": {"ID": 1}}', 'declares no column "ID"'],
])('explain says what is wrong with %s', async (change, message) => {
  const { exitCode, noted } = await freshet([
    'explain',
    '--change',
    await fileWith('change.json', change),
    '--catalog',
    await fileWith('chain.json', JSON.stringify(chain)),
  ])
  expect(noted).toContain(message)
  expect(noted).not.toContain('    at ')
  expect(exitCode).toBe(1)
})
