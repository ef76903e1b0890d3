import {
  isParameter,
  parseTemplate,
  parseWildcard,
  wildcardGoverns,
  type Template,
  type Wildcard,
} from '@freshet/cache-keys'
import type { CatalogJson, TargetJson } from '@freshet/catalog'

type WildcardTarget = Extract<TargetJson, { wildcard: string }>

/**
 * The catalog with every rule target of one template, and every derivation to it, left out: changes no longer fence that
 * template and what is derived from it, and fence all others exactly as before. For demonstrations and tests that have to see staleness found.
 *
 * A wildcard that covers other templates too is narrowed to them, one by one: to the key where the wildcard binds all
 * its parameters, else to the widest wildcard that leaves the template out, else to the whole other template.
 * The version says what is missing, so that both catalogs can be in force in one namespace.
 *
 * Throws UnknownTemplateError when the catalog has no such template.
 */
export function withoutTemplate(json: CatalogJson, left: string): CatalogJson {
  if (json.templates[left] === undefined) throw new UnknownTemplateError(left, Object.keys(json.templates))
  const rules = json.rules
    .map((rule) => ({ ...rule, fences: distinct(rule.fences.flatMap((target) => narrowed(json, target, left))) }))
    .filter((rule) => rule.fences.length > 0 || (rule.evict ?? []).length > 0)
  const derivations = json.derivations?.filter(({ template }) => template !== left)
  return { ...json, version: `${json.version}-without-${left}`, rules, ...(derivations && { derivations }) }
}

const distinct = (targets: TargetJson[]): TargetJson[] => [
  ...new Map(targets.map((target) => [JSON.stringify(target), target])).values(),
]

function narrowed(json: CatalogJson, target: TargetJson, left: string): TargetJson[] {
  if ('key' in target) return target.key === left ? [] : [target]
  if ('template' in target) return target.template === left ? [] : [target]
  const governed = Object.keys(json.templates).filter((name) => governs(json, target.wildcard, name))
  if (!governed.includes(left)) return [target]
  return governed.filter((name) => name !== left).map((name) => narrowestFor(json, target, name, left))
}

function narrowestFor(json: CatalogJson, target: WildcardTarget, name: string, left: string): TargetJson {
  const template = parseTemplate(textOf(json, name))
  const reach = parseWildcard(target.wildcard)
  const bound = rebound(target, reach, template)
  if (template.parameters.every((parameter) => parameter in bound)) return { key: name, with: bound }

  for (let length = reach.segments.length + 1; length < template.segments.length; length++) {
    const segments = template.segments.slice(0, length)
    if (!segments.filter(isParameter).every(({ parameter }) => parameter in bound)) break
    const wildcard = `${template.text.split(':').slice(0, length).join(':')}:*`
    if (!governs(json, wildcard, left)) return { wildcard, with: bound }
  }
  return { template: name }
}

/** The wildcard's bindings under the template's own names: parameters of the two agree by position. */
function rebound(target: WildcardTarget, reach: Wildcard, template: Template): Record<string, string> {
  return Object.fromEntries(
    template.parameters.flatMap((own, position) => {
      const alias = target.with[reach.parameters[position] ?? '']
      return alias === undefined ? [] : [[own, alias]]
    }),
  )
}

function governs(json: CatalogJson, wildcard: string, name: string): boolean {
  return wildcardGoverns(parseWildcard(wildcard), parseTemplate(textOf(json, name)))
}

function textOf(json: CatalogJson, name: string): string {
  return json.templates[name]?.template ?? ''
}

/** A template was named that the catalog does not have. */
export class UnknownTemplateError extends Error {
  readonly code = 'UNKNOWN_TEMPLATE'
  constructor(
    readonly template: string,
    readonly known: readonly string[],
  ) {
    super(`The catalog has no template '${template}'. It has: ${known.join(', ')}.`)
    this.name = 'UnknownTemplateError'
  }
}
