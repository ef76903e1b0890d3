import { LoadLimitError } from '@freshet/cache'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openApiOf } from '../src/docs.js'
import { startApi, type Api } from './api.js'

let api: Api
beforeAll(async () => {
  api = await startApi()
}, 60_000)
afterAll(() => api.app.close())
beforeEach(() => {
  api.cache.says = {}
  api.cache.failure = undefined
  api.cache.asked.length = 0
})

const get = (url: string) => api.app.inject({ url })
const send = (method: 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object) =>
  api.app.inject({ method, url, ...(payload && { payload }) })

describe('reads', () => {
  it.each([
    ['/members/7', { id: '7', name: 'Member 7' }],
    ['/members/7/balance', { memberId: '7' }],
    ['/members/7/transactions?limit=2', { page: 1, limit: 2, more: true }],
    ['/members?organizationId=2&status=active', { page: 1, more: false }],
    ['/organizations/2/members?limit=1', { limit: 1, more: true }],
    ['/reports/revenue?from=2025-01-01&to=2026-01-01', { from: '2025-01-01', to: '2026-01-01' }],
  ])('%s shows what the database holds', async (url, expected) => {
    const response = await get(url)
    expect({ status: response.statusCode, body: response.json<object>() }).toMatchObject({
      status: 200,
      body: expected,
    })
  })

  it('say which layer answered and how old the answer is', async () => {
    api.cache.says = { layer: 'l1', ageMs: 2_900, ttlMs: 57_100 }
    const { headers } = await get('/members/7')
    expect(headers).toMatchObject({
      'cache-status': 'Freshet; hit; ttl=57; detail=l1',
      age: '2',
      'cache-control': 'no-store',
    })
  })

  it('of what is not there are 404, cached like any other answer', async () => {
    api.cache.says = { layer: 'l2' }
    const response = await get('/members/999/balance')
    expect(response.headers).toMatchObject({
      'content-type': 'application/problem+json; charset=utf-8',
      'cache-status': expect.stringContaining('hit') as string,
    })
    expect(response.json()).toMatchObject({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      instance: '/members/999/balance',
    })
  })

  it('that differ only in spelt-out defaults are one key', async () => {
    await get('/members')
    await get('/members?page=1&limit=20')
    expect(api.cache.asked.map((key) => key.parameters)).toEqual([
      { query: { page: 1, limit: 20 } },
      { query: { page: 1, limit: 20 } },
    ])
  })

  it('beyond what the database can take are told to come back', async () => {
    api.cache.failure = new LoadLimitError('profile', 50, 1_000)
    const response = await get('/members/7')
    expect([response.statusCode, response.headers['retry-after'], response.json<{ title: string }>().title]).toEqual([
      503,
      '1',
      'Service Unavailable',
    ])
  })

  it('that fail for a reason of ours tell nothing of it', async () => {
    api.cache.failure = new Error('password of db-7 is wrong')
    const response = await get('/members/7')
    expect(response.statusCode).toBe(500)
    expect(response.body).not.toContain('db-7')
  })
})

describe('read your writes', () => {
  it('a write answers with the token of its commit, in a header and a cookie, and a read brings either back', async () => {
    const written = await send('PATCH', '/members/7', { name: 'Member 7' })
    expect(written.headers['freshet-token']).toBe(api.cache.given)
    expect(written.headers['set-cookie']).toBe(
      `Freshet-Token=${api.cache.given}; Max-Age=60; Path=/; HttpOnly; SameSite=Lax`,
    )
    await api.app.inject({ url: '/members/7', headers: { 'freshet-token': api.cache.given } })
    expect(api.cache.carried).toBe(api.cache.given)
    await get('/members/7')
    expect(api.cache.carried).toBeUndefined()
    await api.app.inject({ url: '/members/7', headers: { cookie: `a=b; Freshet-Token=${api.cache.given}` } })
    expect(api.cache.carried).toBe(api.cache.given)
  })

  it('a write that failed gives no token', async () => {
    const failed = await send('POST', '/members', {})
    expect([failed.statusCode, failed.headers['freshet-token']]).toEqual([400, undefined])
  })

  it('a token that is none is named as a faulty field', async () => {
    const response = await api.app.inject({ url: '/members/7', headers: { 'freshet-token': 'nonsense' } })
    expect({ status: response.statusCode, body: response.json<object>() }).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'Freshet-Token' }] },
    })
  })
})

describe('requests that are malformed', () => {
  it('are told every faulty field at once', async () => {
    const response = await send('POST', '/members', { organizationId: 'x', name: '', email: 'nobody', colour: 'red' })
    expect(response.statusCode).toBe(400)
    expect(
      response
        .json<{ errors: { field: string }[] }>()
        .errors.map(({ field }) => field)
        .sort(),
    ).toEqual(['colour', 'email', 'name', 'organizationId'])
  })

  it.each([
    ['/members/0', 'id'],
    ['/members/9223372036854775808', 'id'],
    ['/members?page=0', 'page'],
    ['/members?limit=101', 'limit'],
    ['/members?status=gone', 'status'],
    ['/members?colour=red', 'colour'],
    ['/reports/revenue?from=2025-02-30&to=2025-03-01', 'from'],
    ['/reports/revenue?from=2025-03-01&to=2025-03-01', 'to'],
  ])('GET %s names %s', async (url, field) => {
    const response = await get(url)
    expect({ status: response.statusCode, errors: response.json<{ errors: unknown }>().errors }).toMatchObject({
      status: 400,
      errors: [{ field }],
    })
  })

  it('in their JSON or path are problems too', async () => {
    const broken = await api.app.inject({
      method: 'POST',
      url: '/members',
      headers: { 'content-type': 'application/json' },
      payload: '{',
    })
    expect([broken.statusCode, broken.headers['content-type']]).toEqual([
      400,
      'application/problem+json; charset=utf-8',
    ])
    const nowhere = await get('/nowhere')
    expect([nowhere.statusCode, nowhere.headers['content-type']]).toEqual([
      404,
      'application/problem+json; charset=utf-8',
    ])
  })
})

describe('writes', () => {
  it('add, change and remove a member', async () => {
    const added = await send('POST', '/members', { organizationId: '2', name: ' Ada ', email: 'ada@example.org' })
    const { id } = added.json<{ id: string }>()
    expect([added.statusCode, added.headers['location']]).toEqual([201, `/members/${id}`])
    const changed = await send('PATCH', `/members/${id}`, { organizationId: '1', status: 'suspended' })
    expect(changed.json()).toMatchObject({ id, name: 'Ada', organizationId: '1', status: 'suspended' })
    expect((await get(`/members/${id}`)).json()).toEqual(changed.json())
    expect((await send('DELETE', `/members/${id}`)).statusCode).toBe(204)
    expect((await send('DELETE', `/members/${id}`)).statusCode).toBe(404)
    expect((await send('PATCH', `/members/${id}`, { name: 'Ada' })).statusCode).toBe(404)
  })

  it('that collide with a row name the field', async () => {
    const response = await send('PATCH', '/members/7', { email: 'member-8@example.org' })
    expect({ status: response.statusCode, body: response.json<object>() }).toMatchObject({
      status: 409,
      body: { errors: [{ field: 'email' }] },
    })
    expect((await send('DELETE', '/members/7')).statusCode).toBe(409) // payments must be kept
  })

  it('complete and move a payment', async () => {
    const added = await send('POST', '/payments', { memberId: '7', amount: '12.50' })
    expect(added.json()).toMatchObject({
      memberId: '7',
      amount: '12.50',
      currency: 'EUR',
      status: 'pending',
      method: 'card',
    })
    const { id } = added.json<{ id: string }>()
    expect((await send('PATCH', `/payments/${id}`, { status: 'completed', memberId: '8' })).json()).toMatchObject({
      id,
      memberId: '8',
      status: 'completed',
    })
    expect((await send('PATCH', '/payments/99999', { status: 'failed' })).statusCode).toBe(404)
  })

  it('for a member who is not there, or of an amount that is none, name the field', async () => {
    const stranger = await send('POST', '/payments', { memberId: '999', amount: '1' })
    expect({ status: stranger.statusCode, body: stranger.json<object>() }).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'memberId' }] },
    })
    for (const amount of ['0.00', '-1', '1.234', 'ten', 5]) {
      expect((await send('POST', '/payments', { memberId: '7', amount })).json()).toMatchObject({
        status: 400,
        errors: [{ field: 'amount' }],
      })
    }
    expect((await send('PATCH', '/payments/1', {})).statusCode).toBe(400)
  })
})

it('the OpenAPI document has every path, its parameters and its shapes', () => {
  const document = openApiOf(api.app)
  expect(Object.keys(document.paths).sort()).toEqual([
    '/members',
    '/members/{id}',
    '/members/{id}/balance',
    '/members/{id}/summary',
    '/members/{id}/transactions',
    '/organizations/{id}/members',
    '/organizations/{id}/statement',
    '/payments',
    '/payments/{id}',
    '/reports/organizations/{id}',
    '/reports/revenue',
  ])
  const list = document.paths['/members']?.get
  expect(list?.parameters?.map((parameter) => ('name' in parameter ? parameter.name : ''))).toEqual([
    'status',
    'organizationId',
    'search',
    'page',
    'limit',
    'Freshet-Token',
  ])
  expect(list?.responses['200']).toMatchObject({
    content: { 'application/json': { schema: { $ref: '#/components/schemas/MemberPage' } } },
  })
  expect(document.components?.schemas).toHaveProperty('MemberPage.properties.items')
  expect(document.components?.schemas).toHaveProperty('NewPayment.properties.amount.pattern')
})
