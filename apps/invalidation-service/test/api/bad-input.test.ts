import { describe, expect, it } from 'vitest'
import { startApi } from './api.js'

interface Answer {
  readonly status: number
  readonly type: string | null
  readonly detail?: string
  readonly errors?: readonly { readonly field: string; readonly detail: string }[]
}

async function ask(path: string, body?: string): Promise<Answer> {
  const { url } = await startApi()
  const request = body === undefined ? {} : { method: 'POST', body, headers: { 'content-type': 'application/json' } }
  const response = await fetch(`${url}${path}`, request)
  const problem = (await response.json()) as Omit<Answer, 'type'>
  return { ...problem, status: response.status, type: response.headers.get('content-type') }
}

const fieldsOf = ({ errors = [] }: Answer): readonly string[] => errors.map(({ field }) => field).sort()

describe('bad input is answered as problem+json that names every fault:', () => {
  it.each([
    ['/explain/keys', ['key']],
    ['/explain/keys?key=a&kye=b&top=1', ['kye', 'top']],
    ['/hot-keys?top=0', ['top']],
    ['/hot-keys?top=many&from=x', ['from', 'top']],
    ['/catalogs/graph?format=svg', ['format']],
    ['/watch?tag=custmer:42', ['tag']],
    ['/watch?tag=', ['tag']],
  ])('GET %s', async (path, fields) => {
    const answer = await ask(path)
    expect(answer).toMatchObject({ status: 400, type: 'application/problem+json; charset=utf-8' })
    expect(fieldsOf(answer)).toEqual(fields)
  })

  it.each([
    [{ table: 'public.members', insert: { id: {} }, delete: 1 }, ['delete', 'insert.id']],
    [{ table: 'public.members', update: { old: { id: [] } } }, ['update.new', 'update.old.id']],
    [{ tabel: 'public.members', insert: { id: 1 } }, ['tabel', 'table']],
    [
      [
        { table: 'public.members', insert: { id: 1 } },
        { event: 'x.y', parameters: { id: null } },
      ],
      ['1.parameters.id'],
    ],
    [{ table: 'public.members', insert: { id: 1, nmae: 'x', orgnization: 2 } }, ['insert.nmae', 'insert.orgnization']],
    [
      [
        { table: 'public.member', truncate: true },
        { event: 'member.merged', parameters: {} },
      ],
      ['0.table', '1.event'],
    ],
  ])('POST %j', async (body, fields) => {
    const answer = await ask('/explain/changes', JSON.stringify(body))
    expect(answer).toMatchObject({ status: 400, type: 'application/problem+json; charset=utf-8' })
    expect(fieldsOf(answer)).toEqual(fields)
  })

  it.each([['{ this is no JSON'], ['[]'], ['7']])('POST %s', async (body) => {
    const answer = await ask('/explain/changes', body)
    expect(answer).toMatchObject({ status: 400, type: 'application/problem+json; charset=utf-8' })
  })

  it('a key of no template is not found, and the nearest templates are named', async () => {
    const answer = await ask('/explain/keys?key=membr:42:balance')
    expect(answer).toMatchObject({ status: 404, type: 'application/problem+json; charset=utf-8' })
    expect(answer.errors).toEqual([
      { field: 'key', detail: 'the nearest templates are member:{id}:balance, members:list:{query}' },
    ])
    const body = JSON.stringify({ table: 'public.members', insert: { id: 1 } })
    expect((await ask('/explain/changes?key=membr:42:balance', body)).status).toBe(404)
  })

  it('a path that is none is not found', async () => {
    expect(await ask('/explain')).toMatchObject({ status: 404, type: 'application/problem+json; charset=utf-8' })
  })
})
