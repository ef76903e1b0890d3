import { describe, expect, it } from 'vitest'
import { catalogFromJson, CatalogInvalidError, validateCatalog, type CatalogJson } from '@freshet/catalog'

const sound: CatalogJson = {
  format: 1,
  owner: 'members-api',
  version: '1',
  tables: {
    'public.payments': {
      entity: 'payment',
      key: ['id'],
      columns: { id: 'id', memberId: 'member_id', status: 'status' },
      events: { 'payment.completed': { column: 'status', becomes: 'completed' } },
    },
  },
  events: { 'invoice.voided': { parameters: { memberId: 'int8' } } },
  templates: {
    balance: { template: 'member:{id}:balance', ttl: '1h' },
    ledger: { template: 'member:{id}:ledger:{year}:{query}', ttl: '10m' },
    statement: { template: 'member:{id}:statement:{year}', ttl: '10m' },
  },
  rules: [
    {
      on: { table: 'public.payments' },
      fences: [{ wildcard: 'member:{id}:*', with: { id: 'memberId' } }],
    },
  ],
}

/** The faults of the sound catalog after one change, each as `code path (fix)`. */
function faultsAfter(spoil: (json: typeof sound) => void): readonly string[] {
  const json = structuredClone(sound)
  spoil(json)
  return (validateCatalog(json).faults ?? []).map(({ code, path, fix }) => `${code} ${path}${fix ? ` (${fix})` : ''}`)
}
const payments = (json: typeof sound) => json.tables['public.payments'] ?? expect.fail('no payments')
const withRule = (rule: object) => (json: typeof sound) => void json.rules.push(rule as CatalogJson['rules'][number])
const fencing = (...fences: object[]) => withRule({ on: { table: 'public.payments' }, fences })
const templated = (name: string, template: object) => (json: typeof sound) =>
  void Object.assign(json.templates, { [name]: template })

it('the sound catalog has no fault', () => {
  expect(faultsAfter(() => undefined)).toEqual([])
})

describe('tables', () => {
  it.each<[string, (json: typeof sound) => void, string]>([
    [
      'without a schema',
      (json) => (json.tables.members = { entity: 'member', key: [], columns: {} }),
      'table-not-qualified tables.members (did you mean "public.members"?)',
    ],
    [
      'with a misspelt key',
      (json) => (payments(json).key = ['idd']),
      'column-undeclared tables["public.payments"].key[0] (did you mean "id"?)',
    ],
    [
      'with an entity that no topic can be named after',
      (json) => (json.tables['public.a'] = { entity: 'a.b', key: [], columns: {} }),
      'name-malformed tables["public.a"].entity (begin with a letter, then letters, digits, "_" and "-"; "freshet" is reserved)',
    ],
    [
      'with an event of another entity',
      (json) => (payments(json).events = { 'member.completed': { column: 'status', becomes: 'completed' } }),
      'event-entity-mismatch tables["public.payments"].events["member.completed"] (did you mean "payment.completed"?)',
    ],
    [
      'with an event that change records are called',
      (json) => (payments(json).events = { 'payment.updated': { column: 'status', becomes: 'x' } }),
      'name-malformed tables["public.payments"].events["payment.updated"] (write <entity>.<what happened>, such as "payment.completed")',
    ],
    [
      'with an event over an undeclared column',
      (json) => (payments(json).events = { 'payment.completed': { column: 'state', becomes: 'completed' } }),
      'column-undeclared tables["public.payments"].events["payment.completed"].column (did you mean "status"?)',
    ],
    [
      'with an event that a service emits',
      (json) => (json.events = { 'payment.completed': { parameters: {} } }),
      'declared-twice events["payment.completed"]',
    ],
  ])('%s', (_, spoil, fault) => {
    expect(faultsAfter(spoil)).toEqual([fault])
  })
})

describe('templates', () => {
  it.each<[string, (json: typeof sound) => void, string]>([
    ['that cannot be read', templated('a', { template: 'a::b', ttl: '1h' }), 'template-syntax templates.a.template'],
    [
      'with the pattern of another',
      templated('a', { template: 'member:{member}:balance', ttl: '1h' }),
      'template-duplicate templates.a.template (use one of the two, or tell them apart by a literal)',
    ],
    ['with a ttl that is none', templated('a', { template: 'a', ttl: '5 s' }), 'duration-malformed templates.a.ttl'],
    ['with no ttl at all', templated('a', { template: 'a' }), 'malformed templates.a.ttl'],
    ['that expire at once', templated('a', { template: 'a', ttl: '0s' }), 'duration-malformed templates.a.ttl'],
    [
      'with a window that is none',
      templated('a', { template: 'a', ttl: '5s', staleWhileRevalidate: '5' }),
      'duration-malformed templates.a.staleWhileRevalidate',
    ],
    [
      'with a misspelt option',
      templated('a', { template: 'a', ttl: '5s', staleWhileRevalidat: '5s' }),
      'unknown-property templates.a.staleWhileRevalidat (did you mean "staleWhileRevalidate"?)',
    ],
    [
      'with a wildcard of others',
      templated('a', { template: 'a:{id}:b', ttl: '5s', wildcards: ['member:{id}:*'] }),
      'wildcard-governs-nothing templates.a.wildcards[0] (there are: a:{id}:*)',
    ],
  ])('%s', (_, spoil, fault) => {
    expect(faultsAfter(spoil)).toEqual([fault])
  })
})

const derivedBy =
  (...derivations: object[]) =>
  (json: typeof sound) =>
    void (json.derivations = derivations as CatalogJson['derivations'])

describe('derivations', () => {
  it.each<[string, (json: typeof sound) => void, readonly string[]]>([
    ['that are sound', derivedBy({ template: 'balance', from: 'ledger', with: { id: 'id' } }), []],
    [
      'between templates that there are not',
      derivedBy({ template: 'balanse', from: 'ledgr' }),
      [
        'template-undeclared derivations[0].template (did you mean "balance"?)',
        'template-undeclared derivations[0].from (did you mean "ledger"?)',
      ],
    ],
    [
      'by parameters that there are not',
      derivedBy({ template: 'balance', from: 'ledger', with: { idd: 'id', id: 'yaer' } }),
      [
        'parameter-unknown derivations[0].with.idd (did you mean "id"?)',
        'parameter-unknown derivations[0].with.id (did you mean "year"?)',
      ],
    ],
    [
      'by a query',
      derivedBy({ template: 'balance', from: 'ledger', with: { id: 'query' } }),
      ['query-in-derivation derivations[0].with.id (leave it out: all queries are then fenced as one)'],
    ],
    [
      'that lead back to where they began',
      derivedBy(
        { template: 'ledger', from: 'balance' },
        { template: 'statement', from: 'ledger' },
        { template: 'ledger', from: 'statement' },
      ),
      ['derivation-cycle derivations (leave out one of these derivations)'],
    ],
    [
      'of a template from itself',
      derivedBy({ template: 'ledger', from: 'ledger' }),
      ['derivation-cycle derivations (leave out one of these derivations)'],
    ],
  ])('%s', (_, spoil, faults) => {
    expect(faultsAfter(spoil)).toEqual(faults)
  })

  it('name the way of a cycle', () => {
    const json = structuredClone(sound)
    derivedBy({ template: 'ledger', from: 'balance' }, { template: 'balance', from: 'ledger' })(json)
    expect(validateCatalog(json).faults?.[0]?.message).toContain('balance -> ledger -> balance')
  })

  it('declare what they fence: the key where all is bound, else a wildcard of what is', () => {
    const json = structuredClone(sound)
    derivedBy(
      { template: 'statement', from: 'ledger', with: { id: 'id', year: 'year' } },
      { template: 'ledger', from: 'balance', with: { id: 'id' } },
    )(json)
    const { catalog } = validateCatalog(json)
    expect(catalog?.templates.get('statement')?.exact).toBe(true)
    expect(catalog?.templates.get('ledger')?.wildcards.map(({ text }) => text)).toEqual([
      'member:{id}:*',
      'member:{id}:ledger:*',
    ])
  })
})

describe('rules', () => {
  it.each<[string, (json: typeof sound) => void, string]>([
    [
      'on an undeclared table',
      withRule({ on: { table: 'public.payment' }, fences: [{ template: 'balance' }] }),
      'table-undeclared rules[1].on.table (did you mean "public.payments"?)',
    ],
    [
      'on an undeclared event',
      withRule({ on: { event: 'invoice.void' }, fences: [{ template: 'balance' }] }),
      'event-undeclared rules[1].on.event (did you mean "invoice.voided"?)',
    ],
    [
      'on undeclared changed columns',
      withRule({ on: { table: 'public.payments', changed: ['Status', 'amount'] }, fences: [{ template: 'balance' }] }),
      'column-undeclared rules[1].on.changed[0] (did you mean "status"?)' +
        ',column-undeclared rules[1].on.changed[1] (there are: id, memberId, status)',
    ],
    [
      'with a condition on an undeclared column',
      withRule({ on: { table: 'public.payments', where: { amount: 1 } }, fences: [{ template: 'balance' }] }),
      'column-undeclared rules[1].on.where.amount (there are: id, memberId, status)',
    ],
    ['without effect', fencing(), 'rule-without-effect rules[1]'],
    [
      'fencing an undeclared template',
      fencing({ template: 'balanc' }),
      'template-undeclared rules[1].fences[0].template (did you mean "balance"?)',
    ],
    [
      'fencing a key by an undeclared column',
      fencing({ key: 'balance', with: { id: 'memberid' } }),
      'column-undeclared rules[1].fences[0].with.id (did you mean "memberId"?)',
    ],
    [
      'fencing a key by a foreign parameter',
      fencing({ key: 'balance', with: { id: 'id', year: 'id' } }),
      'parameter-unknown rules[1].fences[0].with.year (there are: id)',
    ],
    [
      'fencing a key without its routing prefix: the whole template is the way out',
      fencing({ key: 'balance', with: {} }),
      'parameter-missing rules[1].fences[0].with (bind it (it chooses the shard), or fence the whole template: ' +
        'template(keys.balance), in JSON { "template": "balance" })',
    ],
    [
      'fencing a key without a later parameter: a declared wildcard is the way out',
      fencing({ key: 'statement', with: { id: 'memberId' } }),
      'parameter-missing rules[1].fences[0].with (bind it, or fence the wildcard "member:{id}:statement:*")',
    ],
    [
      'fencing a key with a query',
      fencing({ key: 'ledger', with: { id: 'memberId', year: 'id', query: 'id' } }),
      'query-in-key-target rules[1].fences[0].with (fence the wildcard "member:{id}:ledger:{year}:*")',
    ],
    [
      'fencing a wildcard of no template',
      fencing({ wildcard: 'member:{id}:ledgers:*', with: { id: 'memberId' } }),
      'wildcard-governs-nothing rules[1].fences[0].wildcard (did you mean "member:{id}:ledger:{year}:*"?)',
    ],
    [
      'fencing a wildcard over several shards',
      fencing({ wildcard: 'member:*', with: {} }),
      'wildcard-without-routing-prefix rules[1].fences[0].wildcard (begin with "member:{id}", or fence the whole template)',
    ],
    [
      'fencing what is no wildcard',
      fencing({ wildcard: 'member', with: {} }),
      'wildcard-syntax rules[1].fences[0].wildcard',
    ],
    [
      'fencing a wildcard with a parameter missing',
      fencing({ wildcard: 'member:{id}:*', with: {} }),
      'parameter-missing rules[1].fences[0].with (bind it)',
    ],
    [
      'evicting by what is not bound',
      withRule({ on: { event: 'invoice.voided' }, fences: [], evict: [{ key: 'old:{id}', with: { ID: 'memberId' } }] }),
      'parameter-unknown rules[1].evict[0].with.ID (did you mean "id"?),parameter-missing rules[1].evict[0].with (bind it)',
    ],
    ['fencing neither this nor that', fencing({}), 'malformed rules[1].fences[0].template'],
  ])('%s', (_, spoil, faults) => {
    expect(faultsAfter(spoil).join()).toBe(faults)
  })
})

describe('all faults at once', () => {
  it('malformed parts do not hide the faults of others', () => {
    const json = {
      format: 2,
      owner: 'a@b',
      tables: { 'public.a': { entity: 'a', key: ['x'], columns: { id: 'id' } }, 'public.b': { columns: 4 } },
      templates: { one: { template: 'one:{id}', ttl: 5 }, two: { template: 'two:{id}', ttl: '1h' } },
      rules: [
        { on: { table: 'public.b' }, fences: [{ key: 'one', with: { anything: 'any' } }, 7] },
        { on: { table: 'public.c' }, fences: [{ key: 'two', with: { Id: 'id' } }], evicts: [] },
      ],
      surplus: true,
    }
    expect(
      faultsAfter((sound) =>
        Object.assign(sound, { tables: {}, events: {}, templates: {}, rules: [], version: '' }, json),
      ),
    ).toEqual([
      'malformed format',
      'malformed version',
      'malformed tables["public.b"].entity',
      'malformed tables["public.b"].key',
      'malformed tables["public.b"].columns',
      'malformed templates.one.ttl',
      'malformed rules[0].fences[1]',
      'unknown-property rules[1].evicts (did you mean "evict"?)',
      'unknown-property surplus',
      'column-undeclared tables["public.a"].key[0] (there are: id)',
      'name-malformed owner',
      'table-undeclared rules[1].on.table (did you mean "public.a"?)',
      'parameter-unknown rules[1].fences[0].with.Id (did you mean "id"?)',
      'parameter-missing rules[1].fences[0].with (bind it (it chooses the shard), or fence the whole template: template(keys.two), in JSON { "template": "two" })',
    ])
  })

  it.each([[null], ['text'], [[]], [{}]])('%j is refused, not thrown on', (json) => {
    expect(validateCatalog(json).faults?.length).toBeGreaterThan(0)
  })

  it('are all in the one error, with where and what', () => {
    const json = { ...sound, owner: 'a b', version: 'ü' }
    expect(() => catalogFromJson(json)).toThrow(CatalogInvalidError)
    expect(() => catalogFromJson(json)).toThrow(
      /2 fault\(s\):\n {2}owner: "a b" must .* \[name-malformed\]\n {2}version:/,
    )
  })
})

describe('doubts', () => {
  const warningsAfter = (spoil: (json: typeof sound) => void) => {
    const json = structuredClone(sound)
    spoil(json)
    const result = validateCatalog(json)
    return result.catalog ? result.warnings.map(({ code, path }) => `${code} ${path}`) : result.faults
  }

  it('are about events without rules, templates that nothing fences, warm queries, and rules that never act', () => {
    expect(warningsAfter(() => undefined)).toEqual([])
    expect(warningsAfter((json) => (json.rules = []))).toEqual([
      'event-without-rule tables["public.payments"].events',
      'template-unfenced templates.balance',
      'template-unfenced templates.ledger',
      'template-unfenced templates.statement',
    ])
    expect(warningsAfter((json) => Object.assign(json.templates.ledger ?? {}, { warm: true }))).toEqual([
      'warm-with-query templates.ledger.warm',
    ])
    const append = withRule({
      on: { table: 'public.payments', operations: ['delete'] },
      fences: [{ template: 'balance' }],
    })
    expect(
      warningsAfter((json) => {
        payments(json).appendOnly = true
        append(json)
      }),
    ).toEqual(['append-only-rule rules[1].on.operations'])
  })
})
