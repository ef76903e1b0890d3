import type { Template } from '@freshet/cache-keys'
import type { SqlLoadJson } from './json.js'

/** A query, ready to be sent: parameters are bound, never written into its text. */
export interface SqlLoad {
  /** With `$1`, `$2` for parameters. */
  readonly text: string
  /** Names of the template's parameters, in the order of their numbers. */
  readonly parameters: readonly string[]
  readonly returns: SqlLoadJson['returns']
}

/** Quoted texts and names, and comments: what stands in them is no syntax. */
const literal = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|(\$[a-z_]*\$)[\s\S]*?\1/.source
const literalOrPlaceholder = new RegExp(`${literal}|\\{([a-z_][a-z0-9_]*)\\}`, 'gi')

/** The query behind a template's `load`. Braces inside of quotes, as in `'{}'::jsonb`, are the query's own. */
export function sqlLoadOf({ sql, returns }: SqlLoadJson): SqlLoad {
  const parameters: string[] = []
  const text = sql.replace(literalOrPlaceholder, (found, _tag, name: string | undefined) => {
    if (name === undefined) return found
    if (!parameters.includes(name)) parameters.push(name)
    return `$${parameters.indexOf(name) + 1}`
  })
  return { text, parameters, returns }
}

/** Placeholders of a query that are no parameter of the template, and parameters that it does not use. */
export function strayPlaceholders(
  json: SqlLoadJson,
  template: Template,
): { readonly unknown: readonly string[]; readonly unused: readonly string[] } {
  const { parameters } = sqlLoadOf(json)
  return {
    unknown: parameters.filter((name) => !template.parameters.includes(name)),
    unused: template.parameters.filter((name) => !parameters.includes(name)),
  }
}

/** Does the text look as if it were more than one statement, which the database would refuse at every load? */
export const isSeveralStatements = ({ sql }: SqlLoadJson): boolean => /;\s*\S/.test(withoutLiterals(sql))

/** What stands before a query: a load reads. */
export const isNoQuery = ({ sql }: SqlLoadJson): boolean =>
  !/^\s*\(*\s*(select|with|values|table)\b/i.test(withoutLiterals(sql))

const withoutLiterals = (sql: string): string => sql.replace(new RegExp(literal, 'gi'), ' ')
