// Proves that the layer rule ran: without a project graph the Nx rule skips itself in silence.
import { ESLint } from 'eslint'

const fixture = 'libs/coherence/test/fixtures/breaks-the-boundary.ts'
const [result] = await new ESLint({ ignore: false, overrideConfig: [{ ignores: ['!' + fixture] }] }).lintFiles([
  fixture,
])
const refused = result?.messages.some((message) => message.ruleId === '@nx/enforce-module-boundaries')
if (!refused) {
  console.error(`The layer rule did not refuse ${fixture}: ${JSON.stringify(result?.messages ?? 'not linted')}`)
  process.exit(1)
}
