import { parseArgs } from 'node:util'

/**
 * The options of a benchmark's command line, each a whole number of at least 1; `defaults` names them. Throws RangeError for
 * another value, and as `parseArgs` for an option that is none.
 *
 * @example const { seconds } = wholeNumbers({ seconds: 30 })
 */
export function wholeNumbers<Name extends string>(defaults: Readonly<Record<Name, number>>): Record<Name, number> {
  const names = Object.keys(defaults) as Name[]
  const options = Object.fromEntries(
    names.map((name) => [name, { type: 'string', default: String(defaults[name]) } as const]),
  )
  const { values } = parseArgs({ options })
  const parsed = names.map((name): [Name, number] => {
    const value = Number(values[name])
    if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`--${name} wants a whole number of at least 1`)
    return [name, value]
  })
  return Object.fromEntries(parsed) as Record<Name, number>
}
