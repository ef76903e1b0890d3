import { readFile } from 'node:fs/promises'
import { StackStartError } from '../errors.js'
import type { Identity } from './program.js'

const candidates = ['postgres', 'nobody']

/** The user as whom root runs Postgres, which refuses to run as root. Throws StackStartError if the system has none. */
export async function systemUser(): Promise<Identity> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '')
  const identity = identityFrom(passwd)
  if (identity !== undefined) return identity
  throw new StackStartError({
    server: 'postgres',
    reason: `Postgres refuses to run as root, and there is no system user ${candidates.join(' or ')}`,
    remedy: 'Create one with `useradd --system postgres`, or run this as another user than root.',
  })
}

/** The first of the candidates that a passwd file names. */
export function identityFrom(passwd: string): Identity | undefined {
  const users = new Map(passwd.split('\n').map((line) => [line.split(':', 1)[0], line.split(':')]))
  for (const name of candidates) {
    const [, , uid, gid] = users.get(name) ?? []
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) }
  }
  return undefined
}
