import { randomBytes } from 'node:crypto'
import { getContainerRuntimeClient, getReaper, ImageName, type ContainerRuntimeClient } from 'testcontainers'
import { database, kafkaAccepts, postgresAccepts, redisAccepts } from '../accepts.js'
import type { CleanUp } from '../clean-up.js'
import { ImageUnavailableError } from '../errors.js'
import { firstFailureStopsAll } from '../first-failure.js'
import { kafkaHeap, kafkaProperties } from '../kafka-properties.js'
import { onFreePorts } from '../ports.js'
import type { Endpoint, Endpoints } from '../server.js'
import type { StackSettings } from '../settings.js'
import { ContainerServer, type ContainerSpec } from './container-server.js'

/** The container engine of this machine, by the rules of testcontainers; undefined if none answers. */
export async function connectEngine(): Promise<ContainerRuntimeClient | undefined> {
  return getContainerRuntimeClient().catch(() => undefined)
}

/** Starts the three servers as containers, in parallel. Throws ImageUnavailableError before any is made, else StackStartError. */
export async function startContainers(
  engine: ContainerRuntimeClient,
  settings: StackSettings,
  cleanUp: CleanUp,
): Promise<Endpoints> {
  const { images, onProgress } = settings
  await requireImages(engine, Object.values(images), onProgress)
  const abort = new AbortController()
  const { host: engineHost } = engine.info.containerRuntime
  const host = engineHost === 'localhost' ? '127.0.0.1' : engineHost // no detour by IPv6, where little listens

  const start = async (specify: (port: number) => ContainerSpec): Promise<Endpoint> =>
    onFreePorts(1, async (port) => {
      const begun = performance.now()
      const server = new ContainerServer(engine, specify(port), abort.signal)
      cleanUp.add(async () => server.remove())
      await server.create()
      onProgress(`${server.name}: accepts on ${host}:${port} after ${Math.round(performance.now() - begun)} ms`)
      return { server, host, port }
    })

  const [postgres, kafka, redis] = await firstFailureStopsAll(abort, [
    start((port) => postgresContainer(host, port, settings)),
    start((port) => kafkaContainer(host, port, settings)),
    start((port) => redisContainer(host, port, settings)),
  ])
  return { postgres, kafka, redis }
}

/** All images and testcontainers' own are on the engine, or are pulled now. */
async function requireImages(
  engine: ContainerRuntimeClient,
  images: readonly string[],
  onProgress: (line: string) => void,
): Promise<void> {
  const pull = async (image: string) => {
    const name = ImageName.fromString(image)
    if (await engine.image.exists(name)) return
    onProgress(`containers: pulling ${image}`)
    await engine.image.pull(name)
  }
  try {
    await Promise.all(images.map(pull))
    await getReaper(engine)
  } catch (cause) {
    throw new ImageUnavailableError({
      server: 'containers',
      reason: `an image can not be had (${cause instanceof Error ? cause.message.trim() : String(cause)})`,
      remedy:
        'Name images that this engine has in FRESHET_STACK_POSTGRES_IMAGE, _KAFKA_IMAGE and _REDIS_IMAGE ' +
        "(and set TESTCONTAINERS_RYUK_DISABLED=true if Ryuk cannot be pulled), or use the provider 'native'.",
      cause,
    })
  }
}

function postgresContainer(host: string, port: number, { images, postgresSettings }: StackSettings): ContainerSpec {
  return {
    name: 'postgres',
    image: images.postgres,
    containerPort: 5432,
    port,
    environment: {
      POSTGRES_USER: database.user,
      POSTGRES_PASSWORD: database.password,
      POSTGRES_DB: database.name,
    },
    command: ['postgres', ...Object.entries(postgresSettings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    accepts: () => postgresAccepts(host, port, database.name),
  }
}

/** The broker is configured by the same file as the native one, not by the variables that only the official image knows. */
function kafkaContainer(host: string, port: number, { images, kafkaPartitions }: StackSettings): ContainerSpec {
  const clusterId = randomBytes(16).toString('base64url')
  const properties = '/tmp/freshet.properties'
  const dataFolder = '/tmp/freshet-kafka'
  const bin = '/opt/kafka/bin'
  const format = `${bin}/kafka-storage.sh format --standalone --cluster-id=${clusterId} --config ${properties}`
  return {
    name: 'kafka',
    image: images.kafka,
    containerPort: 9092,
    port,
    environment: { KAFKA_HEAP_OPTS: kafkaHeap },
    files: {
      [properties]: kafkaProperties({
        bind: '0.0.0.0',
        port: 9092,
        advertised: { host, port },
        controllerPort: 9093,
        internalPort: 9094,
        dataFolder,
        partitions: kafkaPartitions,
      }),
    },
    command: [
      'sh',
      '-c',
      `[ -e ${dataFolder}/meta.properties ] || ${format} && exec ${bin}/kafka-server-start.sh ${properties}`,
    ],
    accepts: () => kafkaAccepts(host, port, clusterId),
  }
}

function redisContainer(host: string, port: number, { images }: StackSettings): ContainerSpec {
  return {
    name: 'redis',
    image: images.redis,
    containerPort: 6379,
    port,
    command: ['redis-server', '--save', '', '--appendonly', 'no', '--protected-mode', 'no'],
    accepts: () => redisAccepts(host, port),
  }
}
