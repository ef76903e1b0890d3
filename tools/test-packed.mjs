// Packs what is published, installs it in an empty project outside the workspace, and uses it there as a newcomer would:
// type-checks the examples of the docs, runs README's service and its rule test on a local stack with the packed services, and lets
// a second service join.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { faultsOf } from './packed/package-faults.mjs'
import { run, step, until, withCleanUp } from './run.mjs'

const root = new URL('..', import.meta.url).pathname
const versionOf = async (name) =>
  JSON.parse(await readFile(join(root, 'node_modules', name, 'package.json'), 'utf8')).version

/** Folders of every workspace that is not private. */
async function publishedFolders() {
  const folders = []
  for (const parent of ['libs', 'apps']) {
    for (const name of await readdir(join(root, parent))) {
      const folder = join(root, parent, name)
      const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
      if (!manifest.private) folders.push(folder)
    }
  }
  return folders
}

/** Starts a command that stays, and stops it by its own process at the end. */
function keep(onEnd, program, args, options) {
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const lines = []
  const printed = []
  createInterface(child.stdout).on('line', (line) => {
    printed.push(line)
    lines.push(line)
  })
  createInterface(child.stderr).on('line', (line) => lines.push(line))
  const gone = once(child, 'exit')
  onEnd(async () => {
    child.kill('SIGTERM')
    await gone
  })
  const assertRuns = () => {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${lines.slice(-20).join('\n')}`)
  }
  return { printed, lines, assertRuns }
}

await withCleanUp(async (onEnd) => {
  await step('build', () => run('npm', ['run', 'build'], { cwd: root }))
  const project = await mkdtemp(join(tmpdir(), 'freshet-packed-'))
  await chmod(project, 0o755) // Postgres runs as another user when this is root
  onEnd(() => rm(project, { recursive: true, force: true }))

  const folders = await publishedFolders()
  const packages = await step('pack', async () => {
    const output = await run('npm', ['pack', '--json', '--pack-destination', project, ...folders], { cwd: root })
    return JSON.parse(output)
  })
  const faults = await faultsOf(packages, project)
  if (faults.length > 0) throw new Error(`Not fit to be published:\n${faults.join('\n')}`)
  console.log(`${packages.length} packages: ${packages.map(({ name }) => name).join(', ')}`)

  const exact = async (name) => `${name}@${await versionOf(name)}`
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'newcomer', private: true, type: 'module' }))
  await step('install', async () =>
    run(
      'npm',
      [
        ...[
          'install',
          '--no-audit',
          '--no-fund',
          'node@24',
          await exact('@nestjs/microservices'),
          await exact('vitest'),
        ],
        ...[
          await exact('typescript'),
          await exact('@types/node'),
          await exact('@types/pg'),
          await exact('reflect-metadata'),
        ],
        ...[await exact('@nestjs/common'), await exact('@nestjs/core'), await exact('pg'), await exact('rxjs')],
        ...packages.map(({ filename }) => `./${filename}`),
      ],
      { cwd: project },
    ),
  )
  await cp(join(root, 'docs', 'examples'), join(project, 'examples'), { recursive: true })
  await rm(join(project, 'examples', 'tsconfig.json')) // that is the workspace's
  for (const name of ['second-service.ts', 'invoices.json', 'tsconfig.json']) {
    await cp(join(root, 'tools', 'packed', name), join(project, name))
  }
  const bin = (name) => join(project, 'node_modules', '.bin', name)
  const env = { ...process.env, PATH: `${join(project, 'node_modules', '.bin')}:${process.env.PATH}` }
  await step('types', () => run(bin('tsc'), [], { cwd: project, env }))
  await step('rule test', () => run(bin('vitest'), ['run', 'examples/rules.test.ts'], { cwd: project, env }))

  const stack = keep(onEnd, bin('freshet'), ['stack', 'up', '--provider', 'native'], { cwd: project, env })
  await step('stack', () =>
    until('the local stack', 120_000, async () => {
      stack.assertRuns()
      if (stack.printed.length < 3) throw new Error(stack.lines.at(-1) ?? 'nothing printed')
    }),
  )
  const system = { ...env, FRESHET_HTTP_PORT: '0' }
  for (const line of stack.printed) {
    const [name, value] = line.replace(/^export /, '').split(/=(.*)/s)
    system[name] = value
  }
  const services = ['cdc-listener', 'invalidation-service'].map((name) =>
    keep(onEnd, bin('freshet'), ['start', name], { cwd: project, env: system }),
  )
  for (const [what, script] of [
    ["README's service", 'examples/service.ts'],
    ['a second service', 'out/second-service.js'],
  ]) {
    await step(what, async () => {
      const args = ['--disable-warning=TimeoutNegativeWarning', script]
      const printed = await run(bin('node'), args, { cwd: project, env: system }).catch((error) => {
        throw new Error([error.message, ...services.flatMap(({ lines }) => lines.slice(-20))].join('\n'))
      })
      console.log(printed.trimEnd())
    })
  }
  for (const { assertRuns } of services) assertRuns()
})
