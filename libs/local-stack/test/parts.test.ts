import { describe, expect, it } from 'vitest'
import { CleanUp } from '../src/clean-up.js'
import { StackStartError } from '../src/errors.js'
import { firstFailureStopsAll } from '../src/first-failure.js'
import { redisBinary } from '../src/native/redis.js'
import { identityFrom } from '../src/native/system-user.js'
import { onFreePorts } from '../src/ports.js'
import { untilPasses, WaitTimeoutError } from '../src/waiting.js'

const conflict = new StackStartError({
  server: 'redis',
  reason: 'its process ended',
  remedy: 'Try again.',
  logTail: ['Could not create server TCP listening socket 127.0.0.1:20001: bind: Address already in use'],
})

describe('ports', () => {
  it('a start whose port was taken meanwhile is made again on another', async () => {
    const tried: number[] = []
    const port = await onFreePorts(1, async (candidate = 0) => {
      tried.push(candidate)
      if (tried.length < 3) throw conflict
      return candidate
    })
    expect(tried).toHaveLength(3)
    expect(new Set(tried).size).toBe(3)
    expect(port).toBe(tried[2])
  })

  it('a start that fails for another reason, or whose port is always taken, is not tried for ever', async () => {
    let attempts = 0
    const failing = (error: Error) => async () => {
      attempts++
      throw error
    }
    await expect(onFreePorts(1, failing(new Error('no space left')))).rejects.toThrow('no space left')
    expect(attempts).toBe(1)
    await expect(onFreePorts(1, failing(conflict))).rejects.toBe(conflict)
    expect(attempts).toBe(6)
  })
})

describe('clean-up', () => {
  it('undoes everything in reverse order once, whatever fails, and says what failed', async () => {
    const done: string[] = []
    const cleanUp = new CleanUp()
    cleanUp.add(async () => void done.push('folder'))
    cleanUp.add(async () => Promise.reject(new Error('kafka is stubborn')))
    cleanUp.add(async () => void done.push('redis'))
    const [first, second] = await Promise.allSettled([cleanUp.run(), cleanUp.run()])
    expect(first).toMatchObject({ status: 'rejected', reason: { errors: [new Error('kafka is stubborn')] } })
    expect(second.status).toBe('rejected')
    await cleanUp.run()
    expect(done).toEqual(['redis', 'folder'])
  })
})

describe('starting in parallel', () => {
  it('ends the others at the first failure, waits for them, and reports what failed first', async () => {
    const abort = new AbortController()
    let ended = false
    const slow = new Promise<never>((_, reject) => {
      abort.signal.addEventListener('abort', () => {
        ended = true
        reject(new Error('no longer needed'))
      })
    })
    const start = firstFailureStopsAll(abort, [slow, Promise.reject(new Error('no Java'))])
    await expect(start).rejects.toThrow('no Java')
    expect(ended).toBe(true)
  })
})

describe('waiting', () => {
  it('says what was seen last when time is up', async () => {
    const attempt = async () => Promise.reject(new Error('the database system is starting up'))
    const wait = untilPasses(attempt, 30, () => undefined)
    await expect(wait).rejects.toThrow(WaitTimeoutError)
    await expect(wait).rejects.toThrow('last seen: the database system is starting up')
  })

  it('does not take the answer of another server for that of one that has ended', async () => {
    let over = false
    const attempt = async () => void (over = true)
    const giveUp = () => {
      if (over) throw new Error('its process ended')
    }
    await expect(untilPasses(attempt, 1_000, giveUp)).rejects.toThrow('its process ended')
  })
})

describe('choosing by platform', () => {
  const files = [
    'redis-server-6.2.6-v5-darwin-arm64',
    'redis-server-6.2.6-v5-linux-amd64',
    'redis-server-6.2.7-linux-386',
  ]

  it('finds the Redis of this platform, or none', () => {
    expect(redisBinary(files, 'linux', 'x64')).toBe('redis-server-6.2.6-v5-linux-amd64')
    expect(redisBinary(files, 'darwin', 'arm64')).toBe('redis-server-6.2.6-v5-darwin-arm64')
    expect(redisBinary(files, 'linux', 'riscv64')).toBeUndefined()
  })

  it('runs Postgres as the user postgres, else as nobody', () => {
    const nobody = 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin\n'
    expect(identityFrom(nobody)).toEqual({ uid: 65534, gid: 65533 })
    expect(identityFrom(`${nobody}postgres:x:101:104::/var/lib/postgresql:/bin/bash\n`)).toEqual({ uid: 101, gid: 104 })
    expect(identityFrom('root:x:0:0:root:/root:/bin/bash\n')).toBeUndefined()
  })
})
