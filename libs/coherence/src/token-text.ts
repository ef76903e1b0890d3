import { lsn, xid } from '@freshet/pgoutput'
import type { CommitToken } from './token.js'

/** The form's version, so that a later one is told from a broken one. */
const VERSION = '1'
const FORM = /^(\d{1,20})\/(\d{1,10})\/(?:x(\d{1,20})@(\d{1,20})|l(\d{1,20}))$/

/** Writes a token as it travels: `1.` and base64url, safe in a header and in a cookie. For `parseToken` alone to read. */
export function formatToken(token: CommitToken): string {
  const commit = 'xid' in token ? `x${token.xid}@${token.after}` : `l${token.lsn}`
  return `${VERSION}.${Buffer.from(`${token.systemId}/${token.timeline}/${commit}`).toString('base64url')}`
}

/** Reads what `formatToken` wrote; undefined for any other text. */
export function parseToken(text: string): CommitToken | undefined {
  const [version, body, ...rest] = text.split('.')
  if (version !== VERSION || body === undefined || rest.length > 0) return undefined
  const parts = FORM.exec(Buffer.from(body, 'base64url').toString('latin1'))
  if (!parts) return undefined
  const [, systemId = '', timeline = '', id, after = '', position = ''] = parts
  const history = { systemId, timeline: Number(timeline) }
  return id === undefined
    ? { ...history, lsn: lsn(BigInt(position)) }
    : { ...history, xid: xid(BigInt(id)), after: lsn(BigInt(after)) }
}
