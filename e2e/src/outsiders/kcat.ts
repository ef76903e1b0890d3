import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** What kcat says of a topic, where kcat is installed. */
export interface Kcat {
  /** `kcat 1.7.1`. */
  readonly name: string
  /** The values of all records that a topic holds. */
  values(brokers: string, topic: string): Promise<readonly string[]>
}

/** The program that people look at topics with; undefined where it is not installed. */
export async function findKcat(): Promise<Kcat | undefined> {
  const version = await run('kcat', ['-V']).catch(() => undefined)
  if (!version) return undefined
  return {
    name: `kcat ${/Version (\S+)/.exec(version.stdout)?.[1] ?? ''}`,
    values: async (brokers, topic) => {
      const args = ['-C', '-b', brokers, '-t', topic, '-o', 'beginning', '-e', '-q', '-f', String.raw`%s\n`]
      const { stdout } = await run('kcat', args, { maxBuffer: 256 * 2 ** 20 })
      return stdout.split('\n').filter((line) => line !== '')
    },
  }
}
