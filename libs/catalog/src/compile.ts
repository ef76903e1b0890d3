import { createHash } from 'node:crypto'
import { parseWildcard, wildcardGoverns, type Template, type Wildcard } from '@freshet/cache-keys'
import { canonicalJson } from './canonical.js'
import type { Catalog, CompiledTemplate } from './compiled.js'
import { parseDuration } from './duration.js'
import type { CatalogJson, DerivationJson, TemplateJson } from './json.js'

/** Makes a valid catalog ready for use; `templates` and `wildcards` are what validation parsed. */
export function compile(
  json: CatalogJson,
  templates: ReadonlyMap<string, Template>,
  wildcards: readonly Wildcard[],
): Catalog {
  const targeted = new Set([
    ...json.rules.flatMap((rule) => rule.fences.flatMap((target) => ('key' in target ? target.key : []))),
    ...(json.derivations ?? []).filter((derivation) => bindsAll(derivation, templates)).map(({ template }) => template),
  ])
  const { $schema: _, ...content } = json
  return {
    json,
    owner: json.owner,
    version: json.version,
    fingerprint: sha256(canonicalJson(content)),
    templates: new Map(
      Object.entries(json.templates).flatMap(([name, declared]) => {
        const template = templates.get(name)
        if (template === undefined) return []
        const exact = declared.exact === true || targeted.has(name)
        return [[name, compileTemplate(json.owner, name, declared, template, governing(template, wildcards), exact)]]
      }),
    ),
  }
}

/** Does every key of the other template name one key of this? */
const bindsAll = ({ template, with: bindings = {} }: DerivationJson, templates: ReadonlyMap<string, Template>) =>
  templates.get(template)?.parameters.every((parameter) => Object.hasOwn(bindings, parameter)) ?? false

function compileTemplate(
  owner: string,
  name: string,
  declared: TemplateJson,
  template: Template,
  wildcards: readonly Wildcard[],
  exact: boolean,
): CompiledTemplate {
  const tags = [...(exact ? [template.text] : []), ...wildcards.map(({ text }) => text), `*${template.text}`]
  return {
    name,
    owner,
    template,
    ttlMs: parseDuration(declared.ttl),
    staleWhileRevalidateMs: parseDuration(declared.staleWhileRevalidate ?? '0s'),
    staleIfErrorMs: parseDuration(declared.staleIfError ?? '0s'),
    warm: declared.warm === true,
    exact,
    wildcards,
    fingerprint: sha256(JSON.stringify([template.text, tags])).slice(0, 12),
  }
}

/** In the template's own names, so that the same tags have the same order and fingerprint in every catalog. */
function governing(template: Template, wildcards: readonly Wildcard[]): readonly Wildcard[] {
  const parts = template.text.split(':')
  const texts = wildcards
    .filter((wildcard) => wildcardGoverns(wildcard, template))
    .map((wildcard) => [...parts.slice(0, wildcard.segments.length), '*'].join(':'))
  return [...new Set(texts)].sort().map(parseWildcard)
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
