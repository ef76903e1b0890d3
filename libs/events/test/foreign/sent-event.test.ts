import { describe, expect, it } from 'vitest'
import { readSentEvent } from '../../src/index.js'

const json = (value: unknown) => Buffer.from(JSON.stringify(value))
const one = ['invoice.voided']
const two = ['invoice.voided', 'invoice.paid']

describe('an event that a service sends straight to a topic', () => {
  it('may be a structured CloudEvent', () => {
    const event = { specversion: '1.0', id: '1', source: 'billing', type: 'invoice.paid', data: { memberId: 42 } }
    expect(readSentEvent(json(event), {}, two, 'billing')).toEqual({
      name: 'invoice.paid',
      parameters: { memberId: 42 },
    })
    expect(readSentEvent(json({ ...event, type: 'invoice.seen' }), {}, two, 'billing')).toBeUndefined()
  })

  it('may be a binary CloudEvent', () => {
    expect(readSentEvent(json({ memberId: 42 }), { ce_type: 'invoice.voided' }, two, 'billing')).toEqual({
      name: 'invoice.voided',
      parameters: { memberId: 42 },
    })
  })

  it('may be plain JSON where the topic carries one event only', () => {
    expect(readSentEvent(json({ memberId: 42 }), {}, one, 'billing')).toEqual({
      name: 'invoice.voided',
      parameters: { memberId: 42 },
    })
    expect(() => readSentEvent(json({ memberId: 42 }), {}, two, 'billing')).toThrow(/which event it is cannot be told/)
  })

  it('keeps all digits of a number, and leaves out what is no scalar', () => {
    const value = Buffer.from('{"memberId":9007199254740993,"tags":["a"],"note":null,"open":true}')
    expect(readSentEvent(value, {}, one, 'billing')?.parameters).toEqual({ memberId: '9007199254740993', open: true })
  })

  it('that is none is refused', () => {
    expect(readSentEvent(null, {}, one, 'billing')).toBeUndefined()
    expect(() => readSentEvent(Buffer.from('42'), {}, one, 'billing')).toThrow(/no object/)
    expect(() => readSentEvent(Buffer.from('nonsense'), {}, one, 'billing')).toThrow(/JSON/)
    const empty = json({ specversion: '1.0', type: 'invoice.voided' })
    expect(() => readSentEvent(empty, {}, one, 'billing')).toThrow(/data: no object/)
  })
})
