import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'

const root = new URL('../../../', import.meta.url)

/** A service of three lines; decorators need a build, so that it uses what `tsc -b` makes. */
const main = (body: string): string => `
  import { Module } from '@nestjs/common'
  import { runService, variables } from '@freshet/service-kit'
  class AppModule { ${body} }
  Module({})(AppModule)
  await runService({ name: 'tiny', variables: { redis: variables.redisUrl }, module: () => AppModule })
`

describe('a service as a process', { timeout: 60_000 }, () => {
  let child: ChildProcess | undefined
  let output = ''
  beforeAll(async () => {
    const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
    await promisify(execFile)(process.execPath, [tsc, '-b', 'libs/service-kit'], { cwd: root })
  }, 120_000)
  afterEach(() => child?.kill('SIGKILL'))

  const run = (environment: Record<string, string>, body = '') => {
    output = ''
    child = spawn(process.execPath, ['--input-type=module', '--eval', main(body)], {
      cwd: new URL('libs/service-kit/', root),
      env: { PATH: process.env.PATH, FRESHET_HTTP_PORT: '0', FRESHET_HTTP_HOST: '127.0.0.1', ...environment },
    })
    child.stdout?.on('data', (data: Buffer) => (output += data.toString()))
    child.stderr?.on('data', (data: Buffer) => (output += data.toString()))
    return { child, ended: once(child, 'exit').then(([code]) => code as number | null) }
  }
  const good = { FRESHET_REDIS_URL: 'redis://127.0.0.1:6379' }
  const started = () => vi.waitFor(() => expect(output).toContain('"msg":"started"'), { timeout: 20_000 })

  it('ends with 78 and every fault when its environment is bad', async () => {
    const { ended } = run({ FRESHET_REDIS_URI: 'redis://x', FRESHET_LOG_LEVEL: 'loud' })
    expect(await ended).toBe(78)
    expect(output).toContain('tiny cannot start: 3 faults in the environment')
    expect(output).toContain('FRESHET_REDIS_URI  is not known; did you mean FRESHET_REDIS_URL?')
    expect(output).toContain('FRESHET_REDIS_URL  is missing')
    expect(output).toContain('FRESHET_LOG_LEVEL  must be')
  })

  it.each(['SIGTERM', 'SIGINT'] as const)('drains on %s and ends with 0', async (signal) => {
    const { child, ended } = run(good, `onApplicationShutdown() { console.log('pools closed') }`)
    await started()
    child.kill(signal)
    expect(await ended).toBe(0)
    expect(output).toMatch(/draining[^]*pools closed[^]*stopped/)
  })

  it('ends with 1 and the reason when its start fails', async () => {
    const { ended } = run(good, `onModuleInit() { throw new Error('the slot is held by another process') }`)
    expect(await ended).toBe(1)
    expect(output).toContain('could not start')
    expect(output).toContain('the slot is held by another process')
  })

  it('ends with 1 and the reason when a rejection is handled by nobody', async () => {
    const { ended } = run(
      good,
      `onApplicationBootstrap() { setImmediate(() => Promise.reject(new Error('forgotten'))) }`,
    )
    expect(await ended).toBe(1)
    expect(output).toContain('forgotten')
  })

  it('gives up draining after ten seconds', async () => {
    const { child, ended } = run(good, `onModuleDestroy() { setInterval(() => {}, 1e6); return new Promise(() => {}) }`)
    await started()
    const since = Date.now()
    child.kill('SIGTERM')
    expect(await ended).toBe(1)
    expect(Date.now() - since).toBeLessThan(11_500)
    expect(output).toContain('draining took too long')
  })
})
