export {
  keys,
  membersCatalog,
  membersCatalog as catalog,
  membersCatalogWithout,
  membersCatalogWithout as catalogWithout,
  type TemplateName,
} from './catalog.js'
export { loaders, type Loaders } from './loaders.js'
export * as model from './model.js'
export type { Balance, Member, Page, Profile, Report, Revenue, Statement, Summary, Transaction } from './model.js'
export * as queries from './queries.js'
export type {
  MemberListQuery,
  OrganizationMembersQuery,
  RevenueQuery,
  StatementQuery,
  TransactionsQuery,
} from './queries.js'
export { registerLoaders, type LoaderDatabases } from './register.js'
export { applySchema, schemaSql, type Connection, type ConnectionPool } from './schema.js'
export { seed, SEED_EPOCH, type SeedSize } from './seed.js'
export type { Sql, SqlStatement } from './sql.js'
export { UnknownTemplateError, withoutTemplate } from './without-template.js'
