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
