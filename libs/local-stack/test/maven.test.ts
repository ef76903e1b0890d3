import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { artifacts } from '../src/native/maven.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'freshet-maven-test-'))
})
afterEach(async () => rm(folder, { recursive: true, force: true }))

/** A program in Maven's place: each run is counted, and writes what the pom would have it write. */
async function pretendMaven(script: string): Promise<string> {
  const file = join(folder, 'mvn')
  await writeFile(file, `#!/bin/sh\necho run >> ${join(folder, 'runs')}\n${script}\n`)
  await chmod(file, 0o755)
  return file
}

async function runs(): Promise<number> {
  return (await readFile(join(folder, 'runs'), 'utf8')).trim().split('\n').length
}

function request(maven: string, progress: string[] = []) {
  const onProgress = (line: string) => void progress.push(line)
  const signal = new AbortController().signal
  return { cacheFolder: join(folder, 'cache'), maven, server: 'kafka' as const, onProgress, signal }
}

const fetching = 'test -f pom.xml && mkdir jars && echo half > jars/a.jar && echo whole > jars/a.jar'

describe('what comes from Maven', () => {
  it('is fetched once, told to the user, and from then on taken from the cache', async () => {
    const maven = await pretendMaven(fetching)
    const progress: string[] = []
    const first = await artifacts(request(maven, progress))
    expect(await artifacts(request(maven, progress))).toBe(first)
    expect(await runs()).toBe(1)
    expect(progress).toHaveLength(1)
    expect(await readFile(join(first, 'jars', 'a.jar'), 'utf8')).toBe('whole\n')
  })

  it('survives first starts at the same time: one result, complete, and nothing left over', async () => {
    const maven = await pretendMaven(fetching)
    const results = await Promise.all(Array.from({ length: 8 }, async () => artifacts(request(maven))))
    expect(new Set(results).size).toBe(1)
    expect(await readdir(join(folder, 'cache'))).toHaveLength(1)
    expect(await readdir(join(results[0] ?? '', 'jars'))).toEqual(['a.jar'])
  })

  it('is not kept half fetched: a failure says what Maven wrote, and the next start tries again', async () => {
    const broken = await pretendMaven('mkdir jars; echo "[ERROR] no route to the repository"; exit 1')
    await expect(artifacts(request(broken))).rejects.toMatchObject({
      server: 'kafka',
      reason: 'Maven failed',
      logTail: ['[ERROR] no route to the repository'],
    })
    expect(await readdir(join(folder, 'cache'))).toEqual([])
    await expect(artifacts(request(await pretendMaven(fetching)))).resolves.toContain(folder)
  })

  it('names Maven when there is none', async () => {
    const missing = artifacts(request(join(folder, 'nowhere', 'mvn')))
    await expect(missing).rejects.toThrow(/Maven was not found .* Install a JDK 17 or newer and Maven 3/)
  })
})
