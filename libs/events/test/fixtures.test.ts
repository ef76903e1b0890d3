import { readdirSync, readFileSync } from 'node:fs'
import { CloudEvent } from 'cloudevents'
import { describe, expect, it } from 'vitest'
import { decode, typeOf } from '../src/index.js'
import { encodeAny } from './encode-any.js'
import { published } from './published.js'

const folder = new URL('fixtures/', import.meta.url)
const bytesOf = (name: string): Buffer => readFileSync(new URL(`${name}.json`, folder))
type Json = Record<string, unknown>
const jsonOf = (bytes: Buffer | string): Json => JSON.parse(bytes.toString()) as Json

describe('what was published stays readable', () => {
  it('every fixture has a meaning, and every meaning its fixture', () => {
    const files = readdirSync(folder).map((file) => file.replace(/\.json$/, ''))
    expect(files.sort()).toEqual(Object.keys(published).sort())
  })

  it.each(Object.entries(published))('%s is read by this version', (name, meaning) => {
    expect(decode(bytesOf(name))).toEqual(meaning)
  })

  it.each(Object.entries(published))('%s knows its type', (name, meaning) => {
    expect(typeOf(meaning)).toBe(jsonOf(bytesOf(name)).type)
  })

  it.each(Object.entries(published))('%s is still what this version writes', (name, meaning) => {
    const { time: _fixed, id: _id, ...expected } = jsonOf(bytesOf(name))
    const { time: _now, id: _random, ...written } = jsonOf(encodeAny(meaning).value)
    expect(written).toEqual(expected)
  })

  it.each(Object.keys(published))('%s may gain members that this version does not know', (name) => {
    const json = jsonOf(bytesOf(name))
    const data = typeof json.data === 'object' && name !== 'catalog.v1' ? { ...json.data, addedLater: [1] } : json.data
    const grown = Buffer.from(JSON.stringify({ ...json, traceparent: '00-1', ...(data !== undefined && { data }) }))
    expect(decode(grown)).toEqual(published[name])
  })
})

describe('a consumer that does not know Freshet', () => {
  it.each(Object.keys(published))('reads %s with the cloudevents package', (name) => {
    const json = jsonOf(bytesOf(name))
    const event = new CloudEvent(json, true)
    expect(event.validate()).toBe(true)
    expect(event.type).toBe(json.type)
    expect(event.data_base64 ?? event.data).toEqual(json.data_base64 ?? json.data)
  })

  it.each(Object.entries(published))('accepts what is written now for %s', (_name, meaning) => {
    const { value, headers } = encodeAny(meaning)
    expect(new CloudEvent(jsonOf(value), true).validate()).toBe(true)
    expect(headers['content-type']).toBe('application/cloudevents+json; charset=UTF-8')
  })
})
