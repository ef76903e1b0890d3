import type { Variable } from './variable.js'
import { variables } from './variables.js'

/** The text of `.env.example`: every variable with what it is for; those with a default are commented out. */
export function environmentExample(): string {
  const head = '# Every variable that Freshet knows. What is commented out shows its default, or may be left out.\n'
  return head + Object.values(variables).map(entry).join('')
}

function entry({ name, description, example, default: text }: Variable<unknown>): string {
  const line = text === undefined ? `${name}=${example}` : `# ${name}=${text}`
  const needed = required.has(name)
  return `\n# ${description}\n${text === undefined && !needed ? `# ${line}` : line}\n`
}

/** What every service but the tools needs. */
const required = new Set<string>([variables.postgresUrl.name, variables.kafkaBrokers.name, variables.redisUrl.name])
