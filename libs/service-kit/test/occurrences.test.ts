import { expect, it } from 'vitest'
import { Occurrences } from '../src/index.js'

interface Kinds {
  'fence:applied': { readonly tags: number }
  'fill:refused': { readonly reason: string }
}

it('one record an occurrence: whoever listens hears it, until it stops', () => {
  const occurrences = new Occurrences<Kinds>()
  const tags: number[] = []
  const all: unknown[] = []
  const stop = occurrences.on('fence:applied', (facts) => tags.push(facts.tags))
  occurrences.onAny((name, facts) => all.push([name, facts]))
  occurrences.emit('fence:applied', { tags: 3 })
  occurrences.emit('fill:refused', { reason: 'not-visible' })
  stop()
  occurrences.emit('fence:applied', { tags: 4 })
  expect(tags).toEqual([3])
  expect(all).toEqual([
    ['fence:applied', { tags: 3 }],
    ['fill:refused', { reason: 'not-visible' }],
    ['fence:applied', { tags: 4 }],
  ])
})
