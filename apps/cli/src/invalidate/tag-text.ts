import { shardOf, templateTag, type Tag } from '@freshet/cache-keys'
import { validateCatalog, type CompiledTemplate } from '@freshet/catalog'
import { fits, knownTags, TagUnknownError } from '@freshet/explain'
import type { RegisteredCatalog } from '../catalog/registered.js'

type Segments = CompiledTemplate['template']['segments']

/**
 * Finds the tags behind texts: a key (`member:42:balance`), a wildcard (`member:42:*`) or a template (`member:{id}:balance`);
 * with them, in their shard, those of templates that have a window, which ends one that a change has opened.
 *
 * Throws TagUnknownError with all that are none.
 */
export function tagsOfTexts(texts: readonly string[], registered: readonly RegisteredCatalog[]): readonly Tag[] {
  // one that is faulty governs nothing
  const templates = registered.flatMap(({ catalog }) => [
    ...(validateCatalog(catalog).catalog?.templates.values() ?? []),
  ])
  const found = texts.map((text) => ({ text, tag: tagOfText(text, templates) }))
  const unknown = found.filter(({ tag }) => tag === undefined).map(({ text }) => text)
  if (unknown.length > 0) throw new TagUnknownError(unknown, knownTags(templates))
  return found.flatMap(({ tag }) => (tag ? [tag, ...endingWindows(tag, templates)] : []))
}

const endingWindows = ({ text, shard }: Tag, templates: readonly CompiledTemplate[]): Tag[] =>
  shard === 'all'
    ? []
    : templates
        .filter((template) => template.staleWhileRevalidateMs > 0 && tagOfText(text, [template])?.shard === shard)
        .map(({ template }) => ({ ...templateTag(template), shard }))

function tagOfText(text: string, templates: readonly CompiledTemplate[]): Tag | undefined {
  for (const { template, wildcards, exact } of templates) {
    if (text === template.text) return templateTag(template)
    if (exact && fits(text, template.segments)) return { text, shard: shardAt(text, template.routing) }
    const wildcard = wildcards.find(({ segments }) => text.endsWith(':*') && fits(text.slice(0, -2), segments))
    if (wildcard) return { text, shard: shardAt(text, wildcard.routing) }
  }
  return undefined
}

const shardAt = (text: string, routing: Segments): number => shardOf(text.split(':').slice(0, routing.length).join(':'))
