import {
  parseTemplate,
  parseWildcard,
  patternOf,
  TemplateSyntaxError,
  wildcardGoverns,
  type Template,
  type Wildcard,
} from '@freshet/cache-keys'
import { parseDuration } from '../duration.js'
import type { SqlLoadJson } from '../json.js'
import { isNoQuery, isSeveralStatements, strayPlaceholders } from '../sql-load.js'
import type { Context, Path } from './context.js'
import { suggest } from './suggestion.js'

const namePattern = /^[a-z0-9][a-z0-9._-]*$/i

/** Owner, version, template names; template texts, their wildcards and durations. */
export function checkTemplates(context: Context): void {
  const { parts, templates, fault } = context
  checkName(context, parts.owner, ['owner'])
  checkName(context, parts.version, ['version'])
  const patterns = new Map<string, string>()
  for (const [name, json] of parts.templates.wellFormed) {
    const path = ['templates', name]
    checkName(context, name, path)
    if (parseDuration(json.ttl) === 0)
      fault('duration-malformed', [...path, 'ttl'], 'a ttl must be longer than nothing')
    const template = parsed(context, [...path, 'template'], 'template-syntax', () => parseTemplate(json.template))
    if (template === undefined) continue
    templates.set(name, template)
    const pattern = patternOf(template.segments)
    const other = patterns.get(pattern)
    if (other !== undefined)
      fault('template-duplicate', [...path, 'template'], `it makes the same keys as template "${other}"`, {
        fix: 'use one of the two, or tell them apart by a literal',
      })
    patterns.set(pattern, name)
    if (json.load) checkLoad(context, json.load, template, [...path, 'load', 'sql'])
    json.wildcards?.forEach((text, index) => {
      checkWildcard(context, text, [...path, 'wildcards', index], [template])
    })
  }
}

function checkLoad({ fault }: Context, load: SqlLoadJson, template: Template, path: Path): void {
  for (const name of strayPlaceholders(load, template).unknown)
    fault(
      'load-parameter-unknown',
      path,
      `{${name}} is no parameter of "${template.text}"`,
      suggest(name, template.parameters),
    )
  if (isNoQuery(load))
    fault('load-no-query', path, 'it does not begin as a query does', { fix: 'begin with select or with' })
  if (isSeveralStatements(load))
    fault('load-no-query', path, 'it is more than one statement', { fix: 'give one query' })
}

/** Reads a wildcard and says what is wrong when it governs none of the templates. */
export function checkWildcard(
  context: Context,
  text: string,
  path: Path,
  templates: readonly Template[],
): Wildcard | undefined {
  const wildcard = parsed(context, path, 'wildcard-syntax', () => parseWildcard(text))
  if (wildcard === undefined) return undefined
  if (templates.some((template) => wildcardGoverns(wildcard, template))) context.wildcards.set(text, wildcard)
  else explainUseless(context, wildcard, path, templates)
  return wildcard
}

function explainUseless({ fault }: Context, wildcard: Wildcard, path: Path, templates: readonly Template[]): void {
  const tooLong = templates.find((template) => beginsWith(template, wildcard))
  if (tooLong !== undefined)
    fault('wildcard-without-routing-prefix', path, `"${wildcard.text}" would reach over shards of "${tooLong.text}"`, {
      fix: `begin with "${textOf(tooLong, tooLong.routing.length)}", or fence the whole template`,
    })
  else {
    const texts = templates.map((template) => `${textOf(template, template.segments.length - 1)}:*`)
    fault(
      'wildcard-governs-nothing',
      path,
      `no template has keys that begin like "${wildcard.text}"`,
      suggest(wildcard.text, texts),
    )
  }
}

/** The first segments of a template, as its text has them. */
export const textOf = (template: Template, length: number): string =>
  template.text.split(':').slice(0, length).join(':')

function beginsWith(template: Template, wildcard: Wildcard): boolean {
  const { length } = wildcard.segments
  return (
    length < template.routing.length && patternOf(template.segments.slice(0, length)) === patternOf(wildcard.segments)
  )
}

function checkName({ fault }: Context, name: string | undefined, path: Path): void {
  if (name !== undefined && name !== '' && !namePattern.test(name))
    fault('name-malformed', path, `"${name}" must consist of letters, digits, ".", "_" and "-"`)
}

function parsed<Parsed>(
  { fault }: Context,
  path: Path,
  code: 'template-syntax' | 'wildcard-syntax',
  parse: () => Parsed,
): Parsed | undefined {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof TemplateSyntaxError)) throw error
    fault(code, path, error.message)
    return undefined
  }
}
