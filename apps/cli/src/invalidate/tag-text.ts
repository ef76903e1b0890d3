import { shardOf, templateTag, type Tag } from '@freshet/cache-keys'
import { validateCatalog, type CompiledTemplate } from '@freshet/catalog'
import { fits, knownTags, TagUnknownError } from '@freshet/explain'
import { derivedTags } from '@freshet/planner'
import type { RegisteredCatalog } from '../catalog/registered.js'

type Segments = CompiledTemplate['template']['segments']

/**
 * Finds the tags behind texts: a key (`member:42:balance`), a wildcard (`member:42:*`) or a template (`member:{id}:balance`);
 * with them what the catalogs say is derived from their values, and in their shard, those of templates that have a window,
 * or `staleIfError`, which ends one that a change has opened.
 *
 * Throws TagUnknownError with all that are none.
 */
export function tagsOfTexts(texts: readonly string[], registered: readonly RegisteredCatalog[]): readonly Tag[] {
  // one that is faulty governs nothing
  const catalogs = registered.flatMap(({ catalog }) => validateCatalog(catalog).catalog ?? [])
  const templates = catalogs.flatMap((catalog) => [...catalog.templates.values()])
  const found = texts.map((text) => ({ text, tag: tagOfText(text, templates) }))
  const unknown = found.filter(({ tag }) => tag === undefined).map(({ text }) => text)
  if (unknown.length > 0) throw new TagUnknownError(unknown, knownTags(templates))
  return found.flatMap(({ tag }) => {
    if (tag === undefined) return []
    const derived = catalogs.flatMap((catalog) => derivedTags(catalog, tag).map((each) => each.tag))
    return [tag, ...derived].flatMap((each) => [each, ...endingWindows(each, templates)])
  })
}

const endingWindows = ({ text, shard }: Tag, templates: readonly CompiledTemplate[]): Tag[] =>
  shard === 'all'
    ? []
    : templates
        .filter((template) => hasWindow(template) && tagOfText(text, [template])?.shard === shard)
        .map(({ template }) => ({ ...templateTag(template), shard }))

const hasWindow = ({ staleWhileRevalidateMs, staleIfErrorMs }: CompiledTemplate): boolean =>
  staleWhileRevalidateMs > 0 || staleIfErrorMs > 0

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
