import type { z } from 'zod'
import type { Fault } from '../fault.js'
import {
  catalogJson,
  derivationJson,
  emittedEventJson,
  evictionJson,
  occasionJson,
  ruleJson,
  tableJson,
  targetJson,
  templateJson,
  type CatalogJson,
  type DerivationJson,
  type EmittedEventJson,
  type EvictionJson,
  type OccasionJson,
  type TableJson,
  type TargetJson,
  type TemplateJson,
} from '../json.js'
import { pathText } from './path.js'
import { nearest, suggest } from './suggestion.js'

/** What of a catalog has the right shape; the rest has faults already, but its names still count as declared. */
export interface Parts {
  readonly owner: string | undefined
  readonly version: string | undefined
  readonly tables: Section<TableJson>
  readonly events: Section<EmittedEventJson>
  readonly templates: Section<TemplateJson>
  readonly rules: readonly RuleParts[]
  readonly derivations: List<DerivationJson>
}

export interface RuleParts {
  /** Undefined where it is malformed. */
  readonly on: OccasionJson | undefined
  readonly fences: List<TargetJson>
  readonly evict: List<EvictionJson>
}

/** The elements of the right shape, by their position among all. */
export interface List<Part> {
  readonly length: number
  readonly wellFormed: ReadonlyMap<number, Part>
}

export interface Section<Part> {
  readonly names: readonly string[]
  readonly wellFormed: ReadonlyMap<string, Part>
}

/** Checks the shape. All the content that can be judged goes on, so that shape and content are told at once. */
export function readShape(json: unknown): { json?: CatalogJson; parts: Parts; faults: readonly Fault[] } {
  const result = catalogJson.safeParse(json)
  const root = recordOf(json)
  const parts: Parts = {
    owner: typeof root.owner === 'string' ? root.owner : undefined,
    version: typeof root.version === 'string' ? root.version : undefined,
    tables: sectionOf(tableJson, root.tables),
    events: sectionOf(emittedEventJson, root.events),
    templates: sectionOf(templateJson, root.templates),
    rules: listOf(root.rules).map(rulePartsOf),
    derivations: listPartsOf(derivationJson, root.derivations),
  }
  if (result.success) return { json: result.data, parts, faults: [] }
  return { parts, faults: result.error.issues.flatMap((issue) => faultsOf(issue, [], json)) }
}

function sectionOf<Part>(schema: z.ZodType<Part>, section: unknown): Section<Part> {
  const entries = Object.entries(recordOf(section))
  const wellFormed = new Map<string, Part>()
  for (const [name, part] of entries) {
    const parsed = schema.safeParse(part)
    if (parsed.success) wellFormed.set(name, parsed.data)
  }
  return { names: entries.map(([name]) => name), wellFormed }
}

function rulePartsOf(rule: unknown): RuleParts {
  const { on, fences, evict } = recordOf(rule)
  return {
    on: occasionJson.safeParse(on).data,
    fences: listPartsOf(targetJson, fences),
    evict: listPartsOf(evictionJson, evict),
  }
}

function listPartsOf<Part>(schema: z.ZodType<Part>, list: unknown): List<Part> {
  const wellFormed = new Map<number, Part>()
  for (const [index, part] of listOf(list).entries()) {
    const parsed = schema.safeParse(part)
    if (parsed.success) wellFormed.set(index, parsed.data)
  }
  return { length: listOf(list).length, wellFormed }
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}

type Issue = z.core.$ZodIssue

function faultsOf(issue: Issue, before: readonly PropertyKey[], json: unknown): readonly Fault[] {
  const at = [...before, ...issue.path]
  const path = pathText(at)
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      code: 'unknown-property',
      path: pathText([...at, key]),
      message: `there is no property "${key}" here`,
      ...suggest(key, nearest(key, propertyNames) === undefined ? [] : propertyNames),
    }))
  if (issue.code === 'invalid_union') {
    const branch = likeliestBranch(issue.errors)
    if (branch.length > 0) return branch.flatMap((inner) => faultsOf(inner, at, json))
    const expected = issue.errors.flat().flatMap((inner) => (inner.code === 'invalid_type' ? inner.expected : []))
    return [{ code: 'malformed', path, message: `must be ${[...new Set(expected)].join(' or ')}` }]
  }
  // Durations are the only texts with a pattern.
  if (issue.code === 'invalid_format') return [{ code: 'duration-malformed', path, message: issue.message }]
  const missing = issue.code === 'invalid_type' && valueAt(json, at) === undefined
  return [{ code: 'malformed', path, message: missing ? `is missing (${issue.expected})` : issue.message }]
}

/** The alternative that the author most likely meant: the one with the fewest things wrong. None for plain values. */
function likeliestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] {
  const weight = (issues: readonly Issue[]) =>
    issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0)
  const plainValue = branches.every((issues) =>
    issues.every((issue) => issue.path.length === 0 && issue.code === 'invalid_type'),
  )
  return plainValue ? [] : ([...branches].sort((left, right) => weight(left) - weight(right))[0] ?? [])
}

const valueAt = (json: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined,
    json,
  )

const propertyNames = [
  ...new Set(
    [catalogJson, tableJson, emittedEventJson, templateJson, ruleJson, derivationJson]
      .flatMap((schema) => Object.keys(schema.shape))
      .concat('table', 'event', 'operations', 'changed', 'where', 'key', 'wildcard', 'with', 'column', 'becomes'),
  ),
]
