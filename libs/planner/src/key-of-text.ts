import { bindKey, isParameter, parseKey, QUERY, type BoundKey, type Template } from '@freshet/cache-keys'
import type { Catalog, CompiledTemplate } from '@freshet/catalog'

/** A key's text, as one catalog reads it. */
export interface CatalogKey {
  readonly catalog: Catalog
  readonly template: CompiledTemplate
  /** Without `query` in its parameters where only a digest is left of the query. */
  readonly key: BoundKey
}

/** Every template that a text is a key of: none, one, or several where catalogs share a text. */
export const keysOfText = (catalogs: readonly Catalog[], text: string): readonly CatalogKey[] =>
  catalogs.flatMap((catalog) =>
    [...catalog.templates.values()].flatMap((template) => {
      const key = isKeyText(text) ? keyOf(template.template, text) : undefined
      return key === undefined ? [] : [{ catalog, template, key }]
    }),
  )

/** A template's or a wildcard's text is no key's: parameters escape `*`, and braces stand for values. */
const isKeyText = (text: string): boolean => !/[*{}]|^$|^:|::/.test(text)

function keyOf(template: Template, text: string): BoundKey | undefined {
  const parameters = parseKey(template, text)
  if (parameters !== undefined) return bindKey(template, parameters)
  const last = template.segments.at(-1)
  const end = text.lastIndexOf(':')
  if (last === undefined || !isParameter(last) || last.parameter !== QUERY) return undefined
  const without = parseKey(template, text.slice(0, end + 1)) // the digest of a long query
  if (without === undefined) return undefined
  const { [QUERY]: _, ...known } = without
  return { ...bindKey(template, without), text, parameters: known }
}
