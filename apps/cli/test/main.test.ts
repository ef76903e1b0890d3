import { describe, expect, it } from 'vitest'
import { freshet } from './command-line.js'

it('names every fault of the environment and ends with 78', async () => {
  const { exitCode, noted } = await freshet(['status'], { FRESHET_REDIS_URL: 'localhost', FRESHET_NAMESPASE: 'x' })
  for (const variable of ['FRESHET_POSTGRES_URL', 'FRESHET_KAFKA_BROKERS', 'FRESHET_REDIS_URL', 'FRESHET_NAMESPASE']) {
    expect(noted).toContain(variable)
  }
  expect(noted).toContain('did you mean FRESHET_NAMESPACE?')
  expect(exitCode).toBe(78)
})

it('a server that does not answer is named with its variable, without a stack', async () => {
  const { exitCode, noted } = await freshet(['status'], {
    FRESHET_POSTGRES_URL: 'postgres://freshet:freshet@127.0.0.1:1/freshet',
    FRESHET_KAFKA_BROKERS: '127.0.0.1:1',
    FRESHET_REDIS_URL: 'redis://127.0.0.1:1',
  })
  expect(noted).toMatch(/^Redis does not answer \(.*\); start it, or correct FRESHET_REDIS_URL$/)
  expect(exitCode).toBe(1)
}, 15_000)

describe('help', () => {
  const commands = [['stack', 'up'], ['start'], ['status'], ['catalog', 'build'], ['catalog', 'validate']]
  commands.push(['catalog', 'register'], ['catalog', 'list'], ['invalidate'], ['dead-letters', 'list'])
  commands.push(['dead-letters', 'replay'], ['audit'])
  commands.push(['catalog', 'graph'], ['explain'], ['hot'], ['warm'], ['watch'])

  it.each(commands.map((words) => [words.join(' ')]))('of "%s" shows an example', async (words) => {
    const { exitCode, printed } = await freshet([...words.split(' '), '--help'])
    expect(printed).toContain(`freshet ${words}`)
    expect(printed).toContain('Examples:')
    expect(exitCode).toBe(0)
  })
})

it.each([
  [['start', 'cdc-listner'], 'Allowed choices are cdc-listener'],
  [['catalog', 'register', 'x.json', '--timeout', '60'], 'is not a duration'],
  [['catalog', 'validate'], "missing required argument 'source'"],
  [['dead-letters', 'replay'], 'give ids, or --all'],
  [['audit', 'x', '--rate', 'many'], 'a number of keys'],
  [['audit', 'x', '--recheck', '1s,5'], 'is not a duration'],
  [['hot', '--top', '0'], 'a whole number from 1'],
  [['warm'], 'give one of --top, --template and --all'],
  [['warm', '--all', '--top', '5'], 'give one of --top, --template and --all'],
  [['warm', '--all', '--ttl', '5'], 'is not a duration'],
])('%j is refused with what would be right', async (argv, message) => {
  const { exitCode, noted } = await freshet(argv)
  expect(noted).toContain(message)
  expect(exitCode).toBe(1)
})
