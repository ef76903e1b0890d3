// Creates the reference domain's tables, with a few members and payments: in place of the migrations of a team of its own.
import { applySchema, seed } from '@freshet/members-catalog'
import { createPool } from '@freshet/postgres'
import { readConfiguration, variables } from '@freshet/service-kit'

const { postgresUrl } = readConfiguration({ postgresUrl: variables.postgresUrl }, process.env)
const pool = createPool({ url: postgresUrl, applicationName: 'prepare-schema' })
try {
  await applySchema(pool)
  await seed(pool, { members: 1_000, payments: 5_000 })
} finally {
  await pool.end()
}
