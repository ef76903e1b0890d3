import { execFile, spawn } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startStack, StackStartError } from '../src/index.js'

/** Each test's stacks write to a folder of their own, in which a left-over shows. */
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'freshet-native-test-'))
  vi.stubEnv('TMPDIR', folder)
  await chmod(folder, 0o711)
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

describe('a native stack', () => {
  it('leaves no process, no port and no file behind when it is stopped, also when a server is paused', async () => {
    const stack = await startStack({ provider: 'native' })
    const processes = await processesUnder(folder)
    expect(processes.length).toBeGreaterThan(3)
    await stack.servers.postgres.kill('SIGSTOP')

    await Promise.all([stack.stop(), stack.stop()])
    await stack.stop()

    expect(await processesUnder(folder)).toEqual([])
    expect(await readdir(folder)).toEqual([])
    for (const url of [stack.postgresUrl, `kafka://${stack.kafkaBrokers}`, stack.redisUrl]) {
      await expectFree(Number(new URL(url).port))
    }
  }, 60_000)

  it('leaves nothing behind when the process that started it is killed', async () => {
    const owner = spawn(process.execPath, ['--input-type=module', '--eval', ownerScript], {
      env: { ...process.env, TMPDIR: folder, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: owner.stdout }).once('line', () => resolve())
      owner.once('exit', (code) => reject(new Error(`the owner ended with ${code}`)))
    })
    expect((await processesUnder(folder)).length).toBeGreaterThan(3)
    owner.kill('SIGKILL')
    await vi.waitFor(
      async () => {
        expect(await processesUnder(folder)).toEqual([])
        expect(await readdir(folder)).toEqual([])
      },
      { timeout: 20_000, interval: 50 },
    )
  }, 60_000)

  it('says which server failed, what it logged and what to do, and stops the others', async () => {
    const start = startStack({ provider: 'native', postgresSettings: { wal_level: 'telepathic' } })
    const error = await start.then(
      async (stack) => stack.stop(),
      (failure: unknown) => failure,
    )
    expect(error).toBeInstanceOf(StackStartError)
    expect(error).toMatchObject({ code: 'FRESHET_STACK_START', server: 'postgres', reason: 'its process ended' })
    expect(String(error)).toContain('invalid value for parameter "wal_level": "telepathic"')
    expect(await processesUnder(folder)).toEqual([])
    expect(await readdir(folder)).toEqual([])
  }, 60_000)

  it('names the JDK when there is no Java', async () => {
    vi.stubEnv('JAVA_HOME', '/nowhere')
    try {
      await expect(startStack({ provider: 'native' })).rejects.toMatchObject({
        server: 'kafka',
        message: expect.stringContaining('Install a JDK 17 or newer and Maven 3') as string,
      })
    } finally {
      vi.stubEnv('JAVA_HOME', undefined)
    }
    expect(await readdir(folder)).toEqual([])
  }, 60_000)
})

const ownerScript = `
const { startStack } = await import(${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)})
await startStack({ provider: 'native' })
console.log('up')
`

/** All processes that mention the folder: servers by their data, the guard by its argument, any by its environment. */
async function processesUnder(path: string): Promise<string[]> {
  if (process.platform !== 'linux') {
    const { stdout } = await promisify(execFile)('ps', ['-A', '-ww', '-o', 'pid=,command='])
    return stdout.split('\n').filter((line) => line.includes(path))
  }
  const found: string[] = []
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
    if ((commandLine + environment).includes(path)) found.push(`${pid} ${commandLine.replaceAll('\0', ' ')}`)
  }
  return found
}

async function expectFree(port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => server.close(() => resolve()))
  })
}
