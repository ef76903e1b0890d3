import { describe, expect, it } from 'vitest'
import { parseTemplate, parseWildcard, TemplateSyntaxError, wildcardGoverns } from '@freshet/cache-keys'

describe('a template', () => {
  it.each([
    ['member:{id}:balance', ['id'], 2],
    ['members:list:{query}', ['query'], 2],
    ['organization:{organizationId}:members:{query}', ['organizationId', 'query'], 2],
    ['{tenant}:member:{id}', ['tenant', 'id'], 1],
    ['reports:total', [], 2],
  ])('%s: parameters and routing prefix', (text, parameters, routed) => {
    const template = parseTemplate(text)
    expect(template.parameters).toEqual(parameters)
    expect(template.routing).toEqual(template.segments.slice(0, routed))
  })

  it.each(['', 'a::b', 'a:{', 'a:{}', 'a:{id}x', 'a:*', 'a b', 'a:{id}:{id}', 'a:{query}:b', '{query}', 'a:{1d}'])(
    '"%s" is none',
    (text) => {
      expect(() => parseTemplate(text)).toThrow(TemplateSyntaxError)
    },
  )
})

describe('a wildcard', () => {
  it.each(['member:{id}', 'member*', '*', ':*', 'a:{query}:*', 'a:*:*'])('"%s" is none', (text) => {
    expect(() => parseWildcard(text)).toThrow(TemplateSyntaxError)
  })

  it.each([
    ['member:{id}:*', 'member:{id}:balance', true],
    ['member:{other}:*', 'member:{id}:transactions:{query}', true],
    ['member:{id}:transactions:*', 'member:{id}:transactions:{query}', true],
    ['members:list:*', 'members:list:{query}', true],
    ['member:{id}:*', 'member:{id}', false], // nothing stands after it
    ['member:*', 'member:{id}:balance', false], // lacks the routing prefix
    ['member:{id}:*', 'member:list:{query}', false], // a literal is no parameter
    ['member:list:*', 'member:{id}:balance', false],
    ['members:{id}:*', 'members:{query}', false],
    ['organization:{id}:*', 'member:{id}:balance', false],
  ])('%s governs %s: %s', (wildcard, template, governs) => {
    expect(wildcardGoverns(parseWildcard(wildcard), parseTemplate(template))).toBe(governs)
  })
})
