import type { BoundParameters, Query } from '@freshet/cache-keys'
import type { TemplateName } from '../catalog.js'
import type { Loaders } from '../loaders.js'

/** A key of the reference domain, and how its value is loaded. */
export interface KnownKey {
  readonly template: TemplateName
  readonly parameters: BoundParameters
  /** The cached value that its own is made of: it inherits that one's tags. */
  readonly madeOf?: KnownKey
  load(from: Loaders): Promise<unknown>
}

/** Ids that keys are made for, whether their rows exist or not. */
export interface KnownWorld {
  readonly members: readonly string[]
  readonly organizations: readonly string[]
}

/** Every kind of key of a small world. */
export const knownKeys = ({ members, organizations }: KnownWorld): readonly KnownKey[] => [
  ...members.flatMap(ofMember),
  ...organizations.flatMap(ofOrganization),
  list({}),
  list({ status: 'active', organizationId: '2', search: 'member' }),
  revenue({ from: '2020-01-01', to: '2030-01-01', groupBy: 'method' }),
  revenue({ from: '2025-04-01', to: '2025-07-01', groupBy: 'day' }),
]

const ofMember = (id: string): KnownKey[] => [
  { template: 'profile', parameters: { id }, load: (from) => from.profile({ id }) },
  { template: 'balance', parameters: { id }, load: (from) => from.balance({ id }) },
  { template: 'summary', parameters: { memberId: id }, load: (from) => from.summary({ memberId: id }) },
  ...[{}, { status: 'completed', limit: 2 }].map((query): KnownKey => ({
    template: 'transactions',
    parameters: { id, query },
    load: (from) => from.transactions({ id, query }),
  })),
]

function ofOrganization(organizationId: string): KnownKey[] {
  const query = { organizationId }
  const statement: KnownKey = {
    template: 'statement',
    parameters: { query },
    load: (from) => from.statement({ query }),
  }
  const report: KnownKey = {
    template: 'report',
    parameters: { organizationId },
    madeOf: statement,
    load: (from) => from.report({ organizationId }),
  }
  const members: KnownKey = {
    template: 'ofOrg',
    parameters: { organizationId, query: {} },
    load: (from) => from.ofOrg({ organizationId, query: {} }),
  }
  return [members, statement, report]
}

const list = (query: Query): KnownKey => ({
  template: 'list',
  parameters: { query },
  load: (from) => from.list({ query }),
})

const revenue = (query: Query): KnownKey => ({
  template: 'revenue',
  parameters: { query },
  load: (from) => from.revenue({ query }),
})
