import type { Catalog } from '@freshet/catalog'
import type { CatalogFault, ParameterKindsByTemplate } from '@freshet/events'
import { quoteIdentifier, quoteLiteral, type PublicationPlan, type TableFacts } from '@freshet/postgres'
import { conflictsOf } from './conflicts.js'
import { demandsOf } from './demands.js'
import { learnParameterKinds } from './parameter-kinds.js'
import { tableFaults } from './table-faults.js'
import { placeIn } from './path.js'

/** What of the database a catalog is judged by. */
export interface Ground {
  readonly facts: ReadonlyMap<string, TableFacts>
  /** Major version of the server. */
  readonly version: number
  /** The connected role. */
  readonly role: string
  /** Logical replication slots of this database. */
  readonly slots: ReadonlySet<string>
}

/** Everything that is wrong with a catalog on this database beside the others, or what its parameters are. */
export interface Verdict {
  readonly faults: readonly CatalogFault[]
  readonly kinds: ParameterKindsByTemplate
}

/** Judges one valid catalog; `others` are those that are watched beside it. */
export function judge(catalog: Catalog, others: readonly Catalog[], ground: Ground): Verdict {
  const kept = others.flatMap(({ json }) => demandsOf(json))
  const tables = demandsOf(catalog.json).flatMap((demand) => {
    const same = kept.filter(({ table }) => table === demand.table)
    const keep = same.flatMap(({ keyColumns, old }) => [...keyColumns, ...old.map(({ column }) => column)])
    return tableFaults(demand, ground.facts.get(demand.table), keep, ground.version)
  })
  const { kinds, faults } = learnParameterKinds(catalog, ground.facts)
  return { kinds, faults: [...tables, ...faults, ...conflictsOf(catalog, others, ground.facts)] }
}

/** What forbids to alter the publications as planned, for a catalog whose tables are among those to be added. */
export function publicationFaults(
  catalog: Catalog,
  plan: PublicationPlan,
  { facts, role }: Ground,
  mark: string,
): readonly CatalogFault[] {
  const gained = plan.gained.filter((table) => table in catalog.json.tables)
  const tables = gained.flatMap((table) => {
    const known = facts.get(table)
    if (known === undefined || known.owned) return []
    const message = `only ${known.owner}, who owns ${table}, may publish it, and "${role}" is no member of that role`
    const fix = `grant ${quoteIdentifier(known.owner)} to ${quoteIdentifier(role)};`
    return [{ code: 'table-not-owned', path: placeIn('tables', table), message, fix }]
  })
  return gained.length === 0 ? [] : [...tables, ...plan.faults.map((fault) => publicationFault(fault, role, mark))]
}

/** A publication that cannot be used, with the statement that hands it over. */
export function publicationFault(
  fault: PublicationPlan['faults'][number],
  role: string,
  mark: string,
): CatalogFault & { readonly fix: string } {
  const publication = quoteIdentifier(fault.publication)
  if (fault.code === 'publication-not-owned') {
    const message = `publication ${publication} has to be altered, but it belongs to ${fault.owner}`
    return {
      code: fault.code,
      path: '',
      message,
      fix: `alter publication ${publication} owner to ${quoteIdentifier(role)};`,
    }
  }
  const message = fault.widened
    ? `publication ${publication} has all tables or whole schemas, which can make writes of others' tables fail; drop it, or set FRESHET_PUBLICATION to another name`
    : `publication ${publication} exists, but its comment does not say that it is Freshet's: ${fault.comment ?? '(none)'}; hand it over, or set FRESHET_PUBLICATION to another name`
  const fix = fault.widened
    ? `drop publication ${publication};`
    : `comment on publication ${publication} is ${quoteLiteral(mark)};`
  return { code: fault.code, path: '', message, fix }
}
