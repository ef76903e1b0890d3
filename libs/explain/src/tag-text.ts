import type { CompiledTemplate } from '@freshet/catalog'

type Segments = CompiledTemplate['template']['segments']

/** Texts that no registered catalog's values are governed by. */
export class TagUnknownError extends Error {
  readonly code = 'TAG_UNKNOWN'

  constructor(
    readonly tags: readonly string[],
    readonly known: readonly string[],
  ) {
    super(
      `Nothing is governed by ${tags.map((tag) => `"${tag}"`).join(', ')}; what the registered catalogs have is: ${known.join(', ') || 'nothing'}`,
    )
    this.name = 'TagUnknownError'
  }
}

/** What there is to be fenced: the texts of templates and of their wildcards, sorted. */
export const knownTags = (templates: readonly CompiledTemplate[]): readonly string[] =>
  [
    ...new Set(
      templates.flatMap(({ template, wildcards }) => [template.text, ...wildcards.map((wildcard) => wildcard.text)]),
    ),
  ].sort()

/** Is the text made of these segments? Values hold no colon of their own, so that parts stand one to one to segments. */
export function fits(text: string, segments: Segments): boolean {
  const parts = text.split(':')
  return (
    parts.length === segments.length &&
    segments.every((segment, at) => ('literal' in segment ? segment.literal === parts[at] : isValue(parts[at])))
  )
}

const isValue = (part: string | undefined): boolean => part !== undefined && part !== '' && !/[*{}]/.test(part)
