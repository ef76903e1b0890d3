import { ConfigurationError, type ConfigurationFault } from './configuration-error.js'
import { nearest } from './nearest.js'
import type { Configuration, Variable } from './variable.js'
import { variables } from './variables.js'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads the declared variables. Also checks every other `FRESHET_` variable that is set: the services of a system share
 * one environment, and a fault in it is told by the first that sees it.
 *
 * Throws ConfigurationError with every fault: unknown, missing and malformed variables.
 *
 * @example readConfiguration({ brokers: variables.kafkaBrokers }, { FRESHET_KAFKA_BROKERS: 'a:9092' }).brokers // ['a:9092']
 */
export function readConfiguration<V extends Readonly<Record<string, Variable<unknown>>>>(
  declared: V,
  environment: Environment,
): Configuration<V> {
  const known = new Map<string, Variable<unknown>>(
    Object.values(variables).map((variable) => [variable.name, variable]),
  )
  for (const variable of Object.values(declared)) known.set(variable.name, variable)

  const faults: ConfigurationFault[] = []
  const texts = new Map<string, string>()
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith('FRESHET_') || text === undefined) continue
    if (known.has(name)) texts.set(name, text)
    else faults.push(unknown(name, [...known.keys()]))
  }

  const values = new Map<string, unknown>()
  for (const variable of known.values()) {
    const text = texts.get(variable.name) ?? variable.default
    if (text === undefined) continue
    const result = variable.parse.safeParse(text)
    if (result.success) values.set(variable.name, result.data)
    else faults.push(malformed(variable, text, result.error.issues[0]?.message ?? 'is not valid'))
  }
  for (const variable of Object.values(declared)) {
    const absent = !texts.has(variable.name) && variable.default === undefined
    if (absent && !variable.optional) faults.push(missing(variable))
  }
  if (faults.length > 0) throw new ConfigurationError(faults)
  const configuration = Object.fromEntries(
    Object.entries(declared).map(([property, variable]) => [property, values.get(variable.name)]),
  )
  return configuration as Configuration<V>
}

function unknown(name: string, names: readonly string[]): ConfigurationFault {
  const meant = nearest(name, names)
  return {
    variable: name,
    problem: 'is not known',
    fix: meant === undefined ? 'remove it' : `did you mean ${meant}?`,
  }
}

const malformed = ({ name, example }: Variable<unknown>, text: string, wanted: string): ConfigurationFault => ({
  variable: name,
  // A URL may hold a password, so that the text is not repeated.
  problem: text === '' ? 'is empty' : wanted,
  fix: text === '' ? `remove it or set it, for instance to ${example}` : `for instance ${example}`,
})

const missing = ({ name, description, example }: Variable<unknown>): ConfigurationFault => ({
  variable: name,
  problem: 'is missing',
  fix: `set it, for instance to ${example} (${description.replace(/\.$/, '')})`,
})
