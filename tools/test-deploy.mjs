// Builds every image, brings up deploy/compose.yaml on free ports, makes one change by SQL, sees it fenced in both API
// instances, and takes everything down again.
/* global fetch, AbortSignal */
import { createServer } from 'node:net'
import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import pg from 'pg'
import { imageOf, nodeImage } from './images.mjs'
import { run, runs, step, until, withCleanUp } from './run.mjs'

const root = new URL('..', import.meta.url).pathname
const targets = ['cdc-listener', 'invalidation-service', 'cache-warmer', 'members-api']

async function freePort() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function composeCommand() {
  if (await runs('docker', ['compose', 'version'])) return ['docker', 'compose']
  if (await runs('docker-compose', ['version'])) return ['docker-compose']
  throw new Error(
    'Neither `docker compose` nor docker-compose is installed (on Debian: apt-get install docker-compose).',
  )
}

/** A read through one API instance: the body, and whether a layer answered. */
async function read(api, path) {
  const response = await fetch(`${api}${path}`, { signal: AbortSignal.timeout(5_000) })
  const body = await response.text()
  if (!response.ok) throw new Error(`${api}${path} answers ${response.status}: ${body}`)
  const status = response.headers.get('cache-status')
  return { body, status, isHit: status?.includes('; hit') ?? false }
}

const hit = async (api, path) => {
  const reading = await read(api, path)
  if (!reading.isHit) throw new Error(`${api}${path} is no hit: ${reading.status}`)
  return reading
}

function assert(condition, message) {
  if (!condition) throw new Error(message)
}

await withCleanUp(async (onEnd) => {
  const [composeProgram, ...composeArgs] = await composeCommand()
  const [NODE_IMAGE, POSTGRES_IMAGE, KAFKA_IMAGE, REDIS_IMAGE] = [
    await nodeImage(),
    await imageOf('postgres', 'postgres:18'),
    await imageOf('kafka', 'apache/kafka:4.3.1'),
    await imageOf('redis', 'redis:7'),
  ]
  const ports = {}
  for (const name of ['POSTGRES_PORT', 'KAFKA_PORT', 'REDIS_PORT', 'API_1_PORT', 'API_2_PORT'])
    ports[name] = await freePort()
  const env = { NODE_IMAGE, POSTGRES_IMAGE, KAFKA_IMAGE, REDIS_IMAGE }
  for (const [name, port] of Object.entries(ports)) env[name] = String(port)
  const project = `freshet-test-${randomBytes(4).toString('hex')}`
  const compose = (...args) =>
    run(composeProgram, [...composeArgs, '--project-name', project, '--file', `${root}deploy/compose.yaml`, ...args], {
      env,
    })

  await step('the compose file is valid', () => compose('config'))
  for (const target of targets) {
    await step(`image freshet/${target}`, () =>
      run('docker', [
        ...['build', '--force-rm', '--network', 'host', '--file', `${root}deploy/Dockerfile`, '--target', target],
        ...['--build-arg', `NODE_IMAGE=${NODE_IMAGE}`, '--tag', `freshet/${target}`, root],
      ]),
    )
  }

  onEnd(() => step('all is taken down', () => compose('down', '--volumes', '--remove-orphans', '--timeout', '15')))
  await step('servers, schema and services are started', () => compose('up', '--detach', '--no-build'))
  const apis = [`http://127.0.0.1:${ports.API_1_PORT}`, `http://127.0.0.1:${ports.API_2_PORT}`]
  await step('both API instances are ready', () =>
    Promise.all(apis.map((api) => until(`${api} to be ready`, 120_000, () => read(api, '/health/ready')))).catch(
      async (error) => {
        throw new Error(`${error.message}\n${await compose('logs', '--no-color', '--tail', '25')}`)
      },
    ),
  )

  const postgresUrl = `postgres://freshet:freshet@127.0.0.1:${ports.POSTGRES_PORT}/freshet`
  const freshet = (...args) =>
    run(`${root}node_modules/.bin/freshet`, args, {
      cwd: root,
      env: {
        FRESHET_POSTGRES_URL: postgresUrl,
        FRESHET_KAFKA_BROKERS: `127.0.0.1:${ports.KAFKA_PORT}`,
        FRESHET_REDIS_URL: `redis://127.0.0.1:${ports.REDIS_PORT}`,
      },
    })
  await step('the catalog is registered', async () =>
    console.log(await freshet('catalog', 'register', '@freshet/members-catalog')),
  )

  for (const target of targets) {
    const service = target === 'members-api' ? 'members-api-1' : target
    const id = (await compose('ps', '-q', service)).trim()
    const uid = (await run('docker', ['exec', id, 'id', '-u'])).trim()
    assert(uid !== '0', `${service} runs as root`)
    await until(`${service} to be healthy`, 60_000, async () => {
      const health = (await run('docker', ['inspect', '--format', '{{ .State.Health.Status }}', id])).trim()
      assert(health === 'healthy', `Docker says ${health}`)
    })
  }
  console.log('no service runs as root; all are healthy')

  const [changed, other] = ['/members/42/balance', '/members/43/balance']
  await step('both balances are hits in both instances', async () => {
    for (const api of apis) {
      for (const path of [changed, other]) await until('a hit', 30_000, () => hit(api, path))
    }
  })
  const { body: before } = await read(apis[0], changed)
  const sql = new pg.Client({ connectionString: postgresUrl })
  sql.on('error', () => undefined) // it ends with its server
  await sql.connect()
  onEnd(() => sql.end())
  const begun = performance.now()
  await sql.query(`insert into payments (member_id, amount, status) values (42, 1234.56, 'completed')`)
  const readings = await Promise.all(
    apis.map((api) =>
      until('the new balance', 10_000, async () => {
        const reading = await read(api, changed)
        assert(reading.body !== before, `${api} still answers ${reading.body} (${reading.status})`)
        return reading
      }),
    ),
  )
  console.log(`a payment by SQL: fresh in both instances after ${Math.round(performance.now() - begun)} ms`)
  assert(
    readings[0].body === readings[1].body,
    `the instances differ: ${readings.map(({ body }) => body).join(' and ')}`,
  )
  for (const api of apis) await hit(api, other)
  console.log('the other balance stayed a hit')
  console.log(await freshet('status'))
})
