import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Stack } from '@freshet/local-stack'

/** The bare chain in a process of its own, beside the system under load. */
export interface ChainProcess {
  /** Ends it; its latencies from commit to Redis' reply, in milliseconds. */
  stop(): Promise<readonly number[]>
}

/** Resolves once the chain takes commits. */
export async function startChain(
  stack: Pick<Stack, 'postgresUrl' | 'kafkaBrokers' | 'redisUrl'>,
): Promise<ChainProcess> {
  const main = fileURLToPath(new URL('./bare-chain.js', import.meta.url))
  const child = fork(main, [stack.postgresUrl, stack.kafkaBrokers, stack.redisUrl], {
    execArgv: ['--disable-warning=TimeoutNegativeWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the bare chain ended with ${String(code)} before it was asked to`)
  })
  ended.catch(() => undefined) // after stop() nobody waits for it
  await Promise.race([once(child, 'message'), ended])
  return {
    stop: async () => {
      child.send('stop')
      const [latencies] = (await Promise.race([once(child, 'message'), ended])) as [number[]]
      return latencies
    },
  }
}
