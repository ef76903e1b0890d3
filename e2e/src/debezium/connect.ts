import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { copyFile, mkdtemp, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePorts, type Stack } from '@freshet/local-stack'
import { eventually } from '@freshet/testing/live'

const run = promisify(execFile)
const pomFolder = fileURLToPath(new URL('../../fixtures/debezium/', import.meta.url))
const cacheFolder = fileURLToPath(new URL('../../../.nx/debezium/', import.meta.url))
const keptLines = 200

/** A Kafka Connect worker with one connector of Debezium. */
export interface Connect {
  /** Makes the connector, or gives it other settings, and resolves once its task runs. */
  put(settings?: Readonly<Record<string, string>>): Promise<void>
  /** Takes the connector away; its slot stays. */
  remove(): Promise<void>
  stop(): Promise<void>
}

/** What users of Debezium run, and Maven brings, need to be there; undefined where they are not. */
export async function findJava(): Promise<string | undefined> {
  const programs = [run('java', ['-version']), run('mvn', ['-version'])]
  return (await Promise.allSettled(programs)).every(({ status }) => status === 'fulfilled') ? 'java' : undefined
}

/** Starts a worker beside a stack. The connector reads `tables` into topics that begin with `shop.`, by the slot `debezium`. */
export async function startConnect(stack: Stack, tables: string): Promise<Connect> {
  const jars = await jarsFolder()
  const folder = await mkdtemp(join(tmpdir(), 'freshet-connect-'))
  const [port = 0] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  await writeFile(join(folder, 'worker.properties'), worker(stack, folder, url))
  const lines: string[] = []
  const java = spawn(
    'java',
    [
      '-XX:TieredStopAtLevel=1',
      '-Xmx384m',
      '-cp',
      join(jars, '*'),
      'org.apache.kafka.connect.cli.ConnectStandalone',
      join(folder, 'worker.properties'),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const gone = once(java, 'exit')
  for (const output of [java.stdout, java.stderr])
    createInterface(output).on('line', (line) => {
      lines.push(line)
      if (lines.length > keptLines) lines.shift()
    })
  const stop = async (): Promise<void> => {
    java.kill('SIGKILL')
    await gone
    await rm(folder, { recursive: true, force: true })
  }
  const ask = async (path: string, init?: RequestInit): Promise<unknown> => {
    const response = await fetch(`${url}${path}`, { ...init, headers: { 'content-type': 'application/json' } })
    const text = await response.text()
    if (!response.ok) throw new Error(`${response.status} ${text}\n${lines.slice(-20).join('\n')}`)
    return text === '' ? undefined : JSON.parse(text)
  }
  const taskState = async (): Promise<unknown> => {
    const { tasks } = (await ask('/connectors/shop/status')) as { tasks: { state: string; trace?: string }[] }
    return tasks[0]?.trace ?? tasks[0]?.state
  }
  try {
    await eventually(() => ask('/connectors').catch(String), [], 90_000)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    put: async (settings = {}) => {
      const config = { ...connector(stack, tables), ...settings }
      await ask('/connectors/shop/config', { method: 'PUT', body: JSON.stringify(config) })
      await eventually(() => taskState().catch(String), 'RUNNING', 60_000)
    },
    remove: async () => {
      await ask('/connectors/shop', { method: 'DELETE' })
    },
    stop,
  }
}

const worker = (stack: Stack, folder: string, url: string): string => `
bootstrap.servers=${stack.kafkaBrokers}
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
offset.storage.file.filename=${join(folder, 'offsets')}
offset.flush.interval.ms=500
listeners=${url}
`

/** As docs/debezium.md recommends, with a connector's own names. */
function connector(stack: Stack, tables: string): Record<string, string> {
  const { hostname, port, username, password, pathname } = new URL(stack.postgresUrl)
  return {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'plugin.name': 'pgoutput',
    'database.hostname': hostname,
    'database.port': port,
    'database.user': decodeURIComponent(username),
    'database.password': decodeURIComponent(password),
    'database.dbname': pathname.slice(1),
    'topic.prefix': 'shop',
    'table.include.list': tables,
    'publication.autocreate.mode': 'filtered',
    'slot.name': 'debezium',
    'snapshot.mode': 'no_data',
    'heartbeat.interval.ms': '300',
    'heartbeat.action.query': "select pg_logical_emit_message(true, 'debezium-heartbeat', '')",
    'message.prefix.exclude.list': 'debezium-heartbeat',
    'topic.creation.default.replication.factor': '1',
    'topic.creation.default.partitions': '3',
  }
}

/** What the pom names, fetched once per content of the pom. */
async function jarsFolder(): Promise<string> {
  const pom = await readFile(join(pomFolder, 'pom.xml'))
  const kept = join(cacheFolder, createHash('sha256').update(pom).digest('hex').slice(0, 16))
  if (await exists(kept)) return join(kept, 'jars')
  await mkdir(cacheFolder, { recursive: true })
  const fetched = await mkdtemp(join(cacheFolder, 'fetching-'))
  await copyFile(join(pomFolder, 'pom.xml'), join(fetched, 'pom.xml'))
  await run('mvn', ['--batch-mode', '--quiet', 'package'], { cwd: fetched })
  await rename(fetched, kept)
  return join(kept, 'jars')
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )
