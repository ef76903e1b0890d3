import { AsyncLocalStorage } from 'node:async_hooks'
import { parseToken, type CommitToken } from '@freshet/coherence'
import { BadTokenError } from './errors.js'

/** The token that every read of the running code carries, if any. */
export const currentToken = new AsyncLocalStorage<CommitToken | undefined>()

/** Throws BadTokenError. */
export function readToken(text: string): CommitToken {
  const token = parseToken(text)
  if (token === undefined) throw new BadTokenError(text)
  return token
}
