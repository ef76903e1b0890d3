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
  type Segment,
  type Tag,
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
}

interface Reached {
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
    const segments = wildcard.segments.map(bindingWith(json.with, sourceOf))
    const governed = [...catalog.templates.values()].filter(({ template }) => wildcardGoverns(wildcard, template))
    const reaches = governed.map((template) => reachedBy(template, segments.length))
    return { segments, routingLength: wildcard.routing.length, wildcard: true, reaches }
  }
  const template = catalog.templates.get('key' in json ? json.key : json.template)
  if (template === undefined) throw new RangeError('a target names a template that its own valid catalog lacks')
  if (!('key' in json))
    return { segments: undefined, routingLength: 0, wildcard: false, reaches: [reachedBy(template, 0)] }
  const segments = template.template.segments.map(bindingWith(json.with, sourceOf))
  const routingLength = template.template.routing.length
  return { segments, routingLength, wildcard: false, reaches: [reachedBy(template, segments.length)] }
}

const bindingWith =
  (bindings: Readonly<Record<string, string>>, sourceOf: (alias: string) => Source) => (segment: Segment) =>
    isParameter(segment) ? sourceOf(bindings[segment.parameter] ?? '') : segment.literal

function reachedBy(template: CompiledTemplate, boundSegments: number): Reached {
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
  const { segments, routingLength } = target
  if (segments === undefined) return { tags: wholeTemplates(target), widened: false, refills: [] }
  const texts: string[] = []
  let known = segments.length
  for (const [position, segment] of segments.entries()) {
    const text = typeof segment === 'string' ? segment : textFrom(segment, read)
    if (text === null) return nothing
    if (text === undefined) known = Math.min(known, position)
    else texts[position] = text
  }
  if (known < segments.length) return { tags: widen(target, texts, known), widened: true, refills: [] }
  const text = texts.join(':')
  const shard = shardOf(routingLength === texts.length ? text : texts.slice(0, routingLength).join(':'))
  return {
    tags: [{ text: target.wildcard ? `${text}:*` : text, shard }],
    widened: false,
    refills: refills(target, text, read),
  }
}

const nothing: Bound = { tags: [], widened: false, refills: [] }

function textFrom({ name, kind }: Source, read: Read): string | null | undefined {
  const value = read(name)
  if (value === null || value === undefined) return value
  try {
    return canonicalParameter(value, kind, name)
  } catch (error) {
    // An event's value of another type than declared: which key it means is unknown.
    if (error instanceof UnencodableParameterError) return undefined
    throw error
  }
}

/** Per template the narrowest wildcard whose segments are all known, or else the template itself. */
const widen = (target: Target, texts: readonly string[], known: number): readonly Tag[] =>
  target.reaches.map(({ tag, wildcards }) => {
    const wildcard = wildcards.find(({ length }) => length <= known)
    if (wildcard === undefined) return tag
    return {
      text: `${texts.slice(0, wildcard.length).join(':')}:*`,
      shard: shardOf(texts.slice(0, wildcard.routingLength).join(':')),
    }
  })

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
