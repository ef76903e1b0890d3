import type { Reading } from './reading.js'

type Told = Omit<Reading<unknown>, 'value'>

/**
 * The text of a `Cache-Status` header (RFC 9211) for a response that was made of this reading.
 *
 * @example cacheStatusHeader(reading) // 'Freshet; hit; ttl=3599; detail=l1'
 */
export function cacheStatusHeader(reading: Told, cacheName = 'Freshet'): string {
  const { layer, missed, refused } = reading
  const parameters =
    layer === 'source'
      ? [`fwd=${forwardReason(missed)}`, ...(reading.joined ? ['collapsed'] : []), ...(refused ? [] : ['stored'])]
      : ['hit']
  const ttlSeconds = Math.floor(reading.ttlMs / 1000)
  if (reading.stale) parameters.push('ttl=-1')
  else if (reading.vouched) parameters.push(`ttl=${ttlSeconds}`)
  const detail = refused ?? (layer === 'source' ? undefined : layer)
  if (detail !== undefined) parameters.push(`detail=${detail}`)
  return [cacheName, ...parameters].join('; ')
}

/** The text of an `Age` header (RFC 9111): whole seconds. */
export const ageHeader = (reading: Pick<Told, 'ageMs'>): string => String(Math.floor(reading.ageMs / 1000))

function forwardReason(missed: Told['missed']): 'uri-miss' | 'stale' | 'request' | 'bypass' {
  switch (missed) {
    case 'absent':
    case 'unreadable':
      return 'uri-miss'
    case 'fenced':
    case 'generation-lost':
    case 'governed-otherwise':
      return 'stale'
    case 'behind-token':
      return 'request'
    case 'blind':
    case 'not-in-force':
    case 'unreachable':
    case 'not-asked':
    case undefined:
      return 'bypass'
  }
}
