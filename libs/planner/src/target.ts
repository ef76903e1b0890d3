import {
  canonicalParameter,
  isParameter,
  parseWildcard,
  shardOf,
  templateTag,
  UnencodableParameterError,
  wildcardGoverns,
  type ParameterKind,
  type Scalar,
  type Tag,
  type Template,
  type Wildcard,
} from '@freshet/cache-keys'
import type { Catalog, CompiledTemplate, TargetJson } from '@freshet/catalog'

/** Where a parameter's value comes from: a column of the row, or a parameter of the event. */
export interface Source {
  readonly name: string
  /** Known for events; a row's values have their one text already. */
  readonly kind?: ParameterKind
}

/** Reads a source; null = no key can hold it, undefined = unknown. */
export type Read = (name: string) => Scalar | null | undefined

/** What a rule fences, ready to be bound. */
export interface Target {
  /** Literals and sources by position; undefined for a whole template. */
  readonly segments: readonly (string | Source)[] | undefined
  /** How many of the segments choose the shard. */
  readonly routingLength: number
  readonly wildcard: boolean
  /** The templates whose keys it can fence. */
  readonly reaches: readonly Reached[]
  /** Does it bind all of some warm template's parameters? */
  readonly refillable: boolean
  /** Where one of these is null, nothing is fenced, whatever the segments say. */
  readonly given: readonly Source[]
  /** Of a target that is derived from the rule's: the templates on the way to it. */
  readonly via?: readonly string[]
}

/** A template whose keys a target can fence. */
export interface Reached {
  readonly template: CompiledTemplate
  readonly tag: Tag
  /** The template's wildcards, longest first: how far a fence is widened where a parameter is unknown. */
  readonly wildcards: readonly { readonly length: number; readonly routingLength: number }[]
  /** What follows the bound segments in this warm template's keys; undefined where a parameter would be unbound. */
  readonly refillTail: string | undefined
}

/** What a target comes to for one row. */
export interface Bound {
  /** None where a parameter is null: no key can hold that. */
  readonly tags: readonly Tag[]
  readonly widened: boolean
  readonly refills: readonly Refill[]
}

interface Refill {
  readonly template: CompiledTemplate
  readonly key: string
  readonly parameters: Readonly<Record<string, Scalar>>
}

/** Makes a rule's target ready; `sourceOf` finds what an alias stands for. */
export function compileTarget(catalog: Catalog, json: TargetJson, sourceOf: (alias: string) => Source): Target {
  if ('wildcard' in json) {
    const wildcard = parseWildcard(json.wildcard)
    const governed = [...catalog.templates.values()].filter(({ template }) => wildcardGoverns(wildcard, template))
    return bindable(wildcard, json.with, sourceOf, governed)
  }
  const template = catalog.templates.get('key' in json ? json.key : json.template)
  if (template === undefined) throw new RangeError('a target names a template that its own valid catalog lacks')
  if ('key' in json) return bindable(template.template, json.with, sourceOf, [template])
  return targetOf(undefined, 0, false, [reachedBy(template, 0)])
}

/** A target of these segments (undefined: all of its templates), `routingLength` of which choose the shard. */
export function targetOf(
  segments: Target['segments'],
  routingLength: number,
  wildcard: boolean,
  reaches: readonly Reached[],
): Target {
  const refillable = reaches.some(({ refillTail }) => refillTail !== undefined)
  return { segments, routingLength, wildcard, reaches, refillable, given: [] }
}

function bindable(
  of: Template | Wildcard,
  bindings: Readonly<Record<string, string>>,
  sourceOf: (alias: string) => Source,
  governed: readonly CompiledTemplate[],
): Target {
  const reaches = governed.map((template) => reachedBy(template, of.segments.length))
  const segments = of.segments.map((segment) =>
    isParameter(segment) ? sourceOf(bindings[segment.parameter] ?? '') : segment.literal,
  )
  return targetOf(segments, of.routing.length, of.text.endsWith(':*'), reaches)
}

/** A template as a target of so many bound segments reaches it. */
export function reachedBy(template: CompiledTemplate, boundSegments: number): Reached {
  const tail = template.template.segments.slice(boundSegments)
  const refillable = template.warm && boundSegments > 0 && !tail.some(isParameter)
  return {
    template,
    tag: templateTag(template.template),
    wildcards: template.wildcards
      .map((wildcard) => ({ length: wildcard.segments.length, routingLength: wildcard.routing.length }))
      .sort((left, right) => right.length - left.length),
    refillTail: refillable
      ? tail.map((segment) => (isParameter(segment) ? '' : `:${segment.literal}`)).join('')
      : undefined,
  }
}

/** Binds a target to one row or event. An unknown value never loses a fence: it widens it. */
export function bindTarget(target: Target, read: Read): Bound {
  const { segments, routingLength, given } = target
  if (given.some(({ name }) => read(name) === null)) return nothing
  if (segments === undefined) return { tags: wholeTemplates(target), widened: false, refills: [] }
  let text = ''
  let routing = ''
  for (let position = 0; position < segments.length; position++) {
    const part = textOf(segments[position] ?? '', read)
    if (part === null) return nothing
    if (part === undefined) return widen(target, read)
    text = position === 0 ? part : `${text}:${part}`
    if (position + 1 === routingLength) routing = text
  }
  const tag = { text: target.wildcard ? `${text}:*` : text, shard: shardOf(routing) }
  return { tags: [tag], widened: false, refills: target.refillable ? refills(target, text, read) : [] }
}

const nothing: Bound = { tags: [], widened: false, refills: [] }

function textOf(segment: string | Source, read: Read): string | null | undefined {
  if (typeof segment === 'string') return segment
  const value = read(segment.name)
  if (value === null || value === undefined) return value
  try {
    return canonicalParameter(value, segment.kind, segment.name)
  } catch (error) {
    // An event's value of another type than declared: which key it means is unknown.
    if (error instanceof UnencodableParameterError) return undefined
    throw error
  }
}

/** Per template the narrowest wildcard whose segments are all known, or else the template itself. */
function widen({ segments = [], reaches }: Target, read: Read): Bound {
  const texts = segments.map((segment) => textOf(segment, read))
  if (texts.includes(null)) return nothing
  const known = texts.indexOf(undefined)
  const tags = reaches.map(({ tag, wildcards }) => {
    const wildcard = wildcards.find(({ length }) => length <= known)
    if (wildcard === undefined) return tag
    const shard = shardOf(texts.slice(0, wildcard.routingLength).join(':'))
    return { text: `${texts.slice(0, wildcard.length).join(':')}:*`, shard }
  })
  return { tags, widened: true, refills: [] }
}

/** The tags of every template that the target can reach. */
export const wholeTemplates = (target: Target): readonly Tag[] => target.reaches.map(({ tag }) => tag)

function refills({ segments, reaches }: Target, text: string, read: Read): readonly Refill[] {
  const all: Refill[] = []
  for (const { template, refillTail } of reaches) {
    if (refillTail === undefined) continue
    const parameters: Record<string, Scalar> = {}
    for (const [position, segment] of template.template.segments.entries()) {
      const source = segments?.[position]
      if (!isParameter(segment) || typeof source !== 'object') continue
      const value = read(source.name)
      if (value !== null && value !== undefined) parameters[segment.parameter] = value
    }
    all.push({ template, key: `${text}${refillTail}`, parameters })
  }
  return all
}
