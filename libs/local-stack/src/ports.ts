import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { StackStartError } from './errors.js'

/** Below every system's ephemeral range, so that no outgoing connection takes the port of a server that is down for a moment. */
const lowest = 20_000
const highest = 32_000

/** `count` different ports on which nothing listens at this moment. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>()
  while (found.size < count) {
    const port = randomInt(lowest, highest)
    if (await isFree(port)) found.add(port)
  }
  return [...found]
}

/**
 * Runs `attempt` on free ports, and again on others if somebody else took one of them before the server bound it.
 * `attempt` must have cleaned up when it throws.
 */
export async function onFreePorts<T>(count: number, attempt: (...ports: number[]) => Promise<T>): Promise<T> {
  for (let attemptsLeft = 4; ; attemptsLeft--) {
    const ports = await freePorts(count)
    try {
      return await attempt(...ports)
    } catch (error) {
      if (attemptsLeft === 0 || !isPortConflict(error)) throw error
    }
  }
}

function isPortConflict(error: unknown): boolean {
  if (!(error instanceof StackStartError)) return false
  const conflict = /address (already )?in use|port is already allocated|belongs to another server/i
  return conflict.test([error.reason, ...error.logTail].join('\n'))
}

async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
