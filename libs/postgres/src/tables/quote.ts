import pg from 'pg'

/** A name as an SQL identifier, `"order"`. */
export const quoteIdentifier = (name: string): string => pg.escapeIdentifier(name)

/** A text as an SQL literal, `'it''s'`. */
export const quoteLiteral = (text: string): string => pg.escapeLiteral(text)

/** A schema-qualified name, cut at its first dot, `"public"."members"`. */
export function quoteTable(name: string): string {
  const dot = name.indexOf('.')
  return `${quoteIdentifier(name.slice(0, dot))}.${quoteIdentifier(name.slice(dot + 1))}`
}
