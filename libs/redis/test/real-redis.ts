import { startRedis } from '@freshet/local-stack'
import { connectRedis, type RedisOptions, type RedisPort } from '@freshet/redis'
import type { RedisUnderTest } from '@freshet/testing'
import { Redis } from 'ioredis'

/** A real server, with a connection of the test's own beside those of the ports. */
export interface RealRedis extends RedisUnderTest {
  readonly url: string
  readonly direct: Redis
  connect(options?: Partial<RedisOptions>): Promise<RedisPort>
  /** Ends it and starts it again, empty, on the same port. */
  restart(): Promise<void>
  /** Lets it stand still, its connections open. */
  pause(): Promise<void>
  resume(): Promise<void>
}

/** Starts a server on which all ports of a test share one namespace. */
export async function startRealRedis(namespace: string): Promise<RealRedis> {
  const server = await startRedis()
  const url = server.redisUrl
  const direct = new Redis(url)
  const ports: RedisPort[] = []
  return {
    url,
    direct,
    connect: async (options = {}) => {
      const port = connectRedis({ url, namespace, role: 'service', ...options })
      await port.ready()
      ports.push(port)
      return port
    },
    breakConnections: async () => {
      const reconnected = ports.map((port) => nextConnection(port))
      await direct.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'YES')
      await Promise.all(reconnected)
    },
    flush: async () => {
      await direct.flushall()
    },
    restart: async () => {
      const lost = Promise.all(ports.map((port) => nextConnection(port)))
      await server.server.kill('SIGKILL')
      await server.server.start()
      await lost
    },
    pause: async () => server.server.kill('SIGSTOP'),
    resume: async () => server.server.kill('SIGCONT'),
    stop: async () => {
      direct.disconnect()
      await server.stop()
    },
  }
}

export function nextConnection(port: RedisPort): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const health = port.health()
      reject(new Error(`no new connection in 10 s; the port is ${JSON.stringify(health)}`))
    }, 10_000)
    const stop = port.fences.onReconnect(() => {
      clearTimeout(timer)
      stop()
      resolve()
    })
  })
}
