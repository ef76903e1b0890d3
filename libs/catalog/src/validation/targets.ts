import { QUERY, type Template } from '@freshet/cache-keys'
import type { TargetJson } from '../json.js'
import type { Context, Path } from './context.js'
import { suggest } from './suggestion.js'
import { checkAlias } from './tables.js'
import { checkWildcard, textOf } from './templates.js'

/** What a rule fences, and how it binds it. `aliases` are undefined where what the rule rests on is at fault itself. */
export function checkTarget(
  context: Context,
  target: TargetJson,
  path: Path,
  aliases: readonly string[] | undefined,
): void {
  if ('wildcard' in target) {
    const { templates, parts } = context
    if (templates.size < parts.templates.names.length) return // it may govern one that cannot be read yet
    const wildcard = checkWildcard(context, target.wildcard, [...path, 'wildcard'], [...templates.values()])
    if (wildcard) checkBindings(context, wildcard, target.with, [...path, 'with'], aliases)
  } else if ('key' in target) {
    const template = checkTemplateName(context, target.key, [...path, 'key'])
    if (template) checkKey(context, target.key, template, target.with, [...path, 'with'], aliases)
  } else {
    checkTemplateName(context, target.template, [...path, 'template'])
  }
}

/** The template of this name, if there is one and it can be read. */
export function checkTemplateName(
  { parts, templates, fault }: Context,
  name: string,
  path: Path,
): Template | undefined {
  if (!parts.templates.names.includes(name))
    fault('template-undeclared', path, `template "${name}" is not declared`, suggest(name, parts.templates.names))
  return templates.get(name)
}

function checkKey(
  context: Context,
  name: string,
  template: Template,
  bindings: Readonly<Record<string, string>>,
  path: Path,
  aliases: readonly string[] | undefined,
): void {
  if (template.parameters.includes(QUERY))
    context.fault('query-in-key-target', path, `no column holds {query} of "${template.text}"`, {
      fix: `fence the wildcard "${textOf(template, template.segments.length - 1)}:*"`,
    })
  const scalars = template.parameters.filter((parameter) => parameter !== QUERY)
  const wayOut = (parameter: string) => {
    const position = template.text.split(':').indexOf(`{${parameter}}`)
    return position < template.routing.length
      ? `bind it (it chooses the shard), or fence the whole template: template(keys.${name}), in JSON { "template": "${name}" }`
      : `bind it, or fence the wildcard "${textOf(template, position)}:*"`
  }
  const { query: _, ...scalarBindings } = bindings
  checkBindings(context, { text: template.text, parameters: scalars, wayOut }, scalarBindings, path, aliases)
}

/** What has parameters to bind, and what to do where one cannot be bound. */
interface Bindable {
  readonly text: string
  readonly parameters: readonly string[]
  readonly wayOut?: (parameter: string) => string
}

/** Is every parameter bound, no other, and each to something that there is? */
export function checkBindings(
  context: Context,
  { text, parameters, wayOut = () => 'bind it' }: Bindable,
  bindings: Readonly<Record<string, string>>,
  path: Path,
  aliases: readonly string[] | undefined,
): void {
  for (const [parameter, alias] of Object.entries(bindings)) {
    const at = [...path, parameter]
    if (!parameters.includes(parameter))
      context.fault(
        'parameter-unknown',
        at,
        `"${text}" has no parameter {${parameter}}`,
        suggest(parameter, parameters),
      )
    if (aliases !== undefined) checkAlias(context, aliases, alias, at)
  }
  for (const parameter of parameters)
    if (!Object.hasOwn(bindings, parameter))
      context.fault('parameter-missing', path, `{${parameter}} of "${text}" is not bound`, { fix: wayOut(parameter) })
}
