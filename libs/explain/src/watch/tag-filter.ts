import { isTemplateTag, type Tag } from '@freshet/cache-keys'
import type { Catalog, CompiledTemplate } from '@freshet/catalog'
import { describeKey } from '@freshet/planner'
import { fits, knownTags, TagUnknownError } from '../tag-text.js'

/** Does a fence of this tag end a value that somebody watches? */
export type TagFilter = (tag: Tag) => boolean

/**
 * Of a key (`member:42:balance`) the fences of all that governs it; of a wildcard (`member:42:*`) and of a template
 * (`member:{id}:balance`) those of all that governs some key of theirs.
 *
 * Throws TagUnknownError for a text that is none of them.
 */
export function tagFilter(catalogs: readonly Catalog[], text: string): TagFilter {
  const templates = catalogs.flatMap((catalog) => [...catalog.templates.values()])
  const named = templates.filter(({ template }) => template.text === text)
  if (named.length > 0) return (tag) => named.some((template) => governsSome(template, tag))
  const covered = templates.filter((template) => hasWildcard(template, text))
  if (covered.length > 0) return (tag) => governsSomeOf(text.slice(0, -1), covered, tag)
  const keys = describeKey(catalogs, text)
  if (keys.length === 0) throw new TagUnknownError([text], knownTags(templates))
  return (tag) =>
    keys.some(
      ({ tags, shard }) => tags.some((own) => own.text === tag.text) && (tag.shard === 'all' || tag.shard === shard),
    )
}

const hasWildcard = ({ wildcards }: CompiledTemplate, text: string): boolean =>
  text.endsWith(':*') && wildcards.some(({ segments }) => fits(text.slice(0, -2), segments))

function governsSome(template: CompiledTemplate, { text }: Tag): boolean {
  if (isTemplateTag(text)) return text === `*${template.template.text}`
  return text.endsWith(':*') ? hasWildcard(template, text) : fits(text, template.template.segments)
}

/** `beginning`: what all keys of the wildcard begin with. */
function governsSomeOf(beginning: string, covered: readonly CompiledTemplate[], { text }: Tag): boolean {
  if (isTemplateTag(text)) return covered.some(({ template }) => text === `*${template.text}`)
  return text.startsWith(beginning) || (text.endsWith(':*') && beginning.startsWith(text.slice(0, -1)))
}
