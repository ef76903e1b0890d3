// Runs the whole-system tests.
//
//   node tools/e2e.mjs native [vitest arguments]   on servers of this machine; keeps its result
//   node tools/e2e.mjs containers                  the same files on containers; fails unless the same tests passed in both
import { mkdir, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { imageOf } from './images.mjs'
import { CommandFailedError, run, runs } from './run.mjs'

const root = new URL('..', import.meta.url).pathname
const results = join(root, '.nx', 'e2e')
const [provider, ...filters] = process.argv.slice(2)

/** Runs the tests and returns the names of those that passed and of all others. */
async function vitest(name, env, args = []) {
  const file = join(results, `${name}.json`)
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  await run('vitest', ['run', '--project', 'e2e', ...reporters, ...args], { cwd: root, env, show: true })
  return readResult(file)
}

async function readResult(file) {
  const { startTime, testResults } = JSON.parse(await readFile(file, 'utf8'))
  const tests = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ fullName, status }) => ({ name: `${name.slice(root.length)} > ${fullName}`, status })),
  )
  return {
    startTime,
    files: testResults.map(({ name }) => name).sort(),
    passed: tests
      .filter(({ status }) => status === 'passed')
      .map((test) => test.name)
      .sort(),
    others: tests.filter(({ status }) => status !== 'passed'),
  }
}

/** The native run's result, unless it is older than a test, of other files, or not there: then it is run now. */
async function nativeResult() {
  const known = await readResult(join(results, 'native.json')).catch(() => undefined)
  const folder = join(root, 'e2e', 'test')
  const sources = (await readdir(folder, { recursive: true })).map((name) => join(folder, name))
  const tests = sources.filter((name) => name.endsWith('.test.ts')).sort()
  const changes = await Promise.all(sources.map(async (name) => (await stat(name)).mtimeMs))
  const isCurrent =
    known && Math.max(...changes) < known.startTime && JSON.stringify(known.files) === JSON.stringify(tests)
  if (isCurrent) return known
  console.log('No current result of a native run: running it first.')
  return vitest('native', { FRESHET_STACK_PROVIDER: 'native' })
}

async function containersStarted(sinceSeconds) {
  const until = String(Math.ceil(Date.now() / 1000))
  const events = ['events', '--since', String(sinceSeconds), '--until', until, '--filter', 'event=start']
  const lines = await run('docker', [...events, '--format', '{{ .From }}'])
  return lines.split('\n').filter((line) => line !== '').length
}

async function onContainers() {
  if (!(await runs('docker', ['version']))) throw new Error('No Docker engine answers; start one (.ci/engine.sh can).')
  const native = await nativeResult()
  const begun = Math.floor(Date.now() / 1000)
  const containers = await vitest('containers', {
    FRESHET_STACK_PROVIDER: 'containers',
    TESTCONTAINERS_RYUK_DISABLED: 'true',
    FRESHET_STACK_POSTGRES_IMAGE: await imageOf('postgres', 'postgres:18'),
    FRESHET_STACK_KAFKA_IMAGE: await imageOf('kafka', 'apache/kafka:4.3.1'),
    FRESHET_STACK_REDIS_IMAGE: await imageOf('redis', 'redis:7'),
  })
  const started = await containersStarted(begun)
  console.log(
    `passed natively: ${native.passed.length}; on containers: ${containers.passed.length} (${started} containers)`,
  )

  const faults = [
    ...native.others.map(({ name, status }) => `${status} natively: ${name}`),
    ...containers.others.map(({ name, status }) => `${status} on containers: ${name}`),
  ]
  for (const name of native.passed) if (!containers.passed.includes(name)) faults.push(`only natively: ${name}`)
  for (const name of containers.passed) if (!native.passed.includes(name)) faults.push(`only on containers: ${name}`)
  if (native.passed.length === 0) faults.push('there are no tests')
  if (started === 0) faults.push('no container was started: the tests did not use them')
  if (faults.length > 0) throw new Error(faults.join('\n'))
}

try {
  await mkdir(results, { recursive: true })
  if (provider === 'native')
    await vitest(filters.length > 0 ? 'native-part' : 'native', { FRESHET_STACK_PROVIDER: 'native' }, filters)
  else if (provider === 'containers') await onContainers()
  else throw new Error('usage: node tools/e2e.mjs native|containers')
} catch (error) {
  // Vitest has shown what failed.
  if (!(error instanceof CommandFailedError)) console.error(error.message)
  process.exitCode = 1
}
