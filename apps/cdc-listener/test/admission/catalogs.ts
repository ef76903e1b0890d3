import { catalogFromJson, type Catalog, type CatalogJson } from '@freshet/catalog'

type Change = Partial<Omit<CatalogJson, 'tables'>> & {
  readonly members?: Partial<CatalogJson['tables'][string]>
  readonly tables?: CatalogJson['tables']
}

/** A catalog of one table and one template, which no other owner declares; by default its rule binds the key only. */
export function documentOf(change: Change = {}): CatalogJson {
  const { members, tables, ...rest } = change
  const prefix = rest.owner ?? 'member'
  return {
    format: 1,
    owner: 'members-api',
    version: '1',
    tables: tables ?? {
      'public.members': {
        entity: 'member',
        key: ['id'],
        columns: { id: 'id', organizationId: 'organization_id', status: 'status' },
        ...members,
      },
    },
    templates: { profile: { template: `${prefix}:{id}:profile`, ttl: '1h' } },
    rules: [{ on: { table: 'public.members' }, fences: [{ key: 'profile', with: { id: 'id' } }] }],
    ...rest,
  }
}

export const catalogOf = (change: Change = {}): Catalog => catalogFromJson(documentOf(change))

/** Binds a column that is not in the key. */
export const byOrganization: Pick<CatalogJson, 'templates' | 'rules'> = {
  templates: { ofOrganization: { template: 'organization:{organization}:members', ttl: '1h' } },
  rules: [
    { on: { table: 'public.members' }, fences: [{ key: 'ofOrganization', with: { organization: 'organizationId' } }] },
  ],
}
