import { isParameter, parseWildcard, QUERY, type Template } from '@freshet/cache-keys'
import type { DerivationJson } from '../json.js'
import type { Context, Path } from './context.js'
import { suggest } from './suggestion.js'
import { checkTemplateName } from './targets.js'
import { textOf } from './templates.js'

/** Between which templates derivations lie, what they bind, and that they lead nowhere back. */
export function checkDerivations(context: Context): void {
  const { wellFormed } = context.parts.derivations
  for (const [index, derivation] of wellFormed) checkDerivation(context, derivation, ['derivations', index])
  reportCycles(context, [...wellFormed.values()])
}

function checkDerivation(context: Context, derivation: DerivationJson, path: Path): void {
  const to = checkTemplateName(context, derivation.template, [...path, 'template'])
  const from = checkTemplateName(context, derivation.from, [...path, 'from'])
  const bindings = derivation.with ?? {}
  for (const [parameter, source] of Object.entries(bindings)) {
    const at = [...path, 'with', parameter]
    if (to) checkParameter(context, to, parameter, at)
    if (from) checkParameter(context, from, source, at)
  }
  if (to) declareWildcard(context, to, bindings)
}

function checkParameter({ fault }: Context, { text, parameters }: Template, name: string, path: Path): void {
  if (name === QUERY)
    fault('query-in-derivation', path, `{query} of "${text}" cannot be bound: no change tells it`, {
      fix: 'leave it out: all queries are then fenced as one',
    })
  else if (!parameters.includes(name))
    fault('parameter-unknown', path, `"${text}" has no parameter {${name}}`, suggest(name, parameters))
}

/** What is bound of a key from its beginning on, if that chooses the shard, can be fenced as one. */
function declareWildcard({ wildcards }: Context, to: Template, bindings: Readonly<Record<string, string>>): void {
  const unbound = to.segments.findIndex(
    (segment) => isParameter(segment) && !Object.hasOwn(bindings, segment.parameter),
  )
  if (unbound === -1 || unbound < to.routing.length || unbound === 0) return
  const text = `${textOf(to, unbound)}:*`
  wildcards.set(text, parseWildcard(text))
}

/** Each cycle once, by its path. */
function reportCycles({ fault }: Context, derivations: readonly DerivationJson[]): void {
  const into = Map.groupBy(derivations, ({ from }) => from)
  const done = new Set<string>()
  const walk = (name: string, path: readonly string[]): void => {
    const begins = path.indexOf(name)
    if (begins !== -1) {
      const cycle = [...path.slice(begins), name].join(' -> ')
      fault('derivation-cycle', ['derivations'], `values of "${name}" would be computed from themselves: ${cycle}`, {
        fix: 'leave out one of these derivations',
      })
      return
    }
    if (done.has(name)) return
    for (const { template } of into.get(name) ?? []) walk(template, [...path, name])
    done.add(name)
  }
  for (const name of into.keys()) walk(name, [])
}
