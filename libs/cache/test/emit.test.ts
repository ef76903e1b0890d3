import { event } from '@freshet/catalog'
import { decodeEmittedEvent } from '@freshet/events'
import { expect, it } from 'vitest'
import { emitEvent, emitStatement, EventParametersError } from '../src/emit.js'

const invoiceVoided = event('invoice.voided', { memberId: 'int8', reason: 'text' })

it('an event is written inside the transaction that it is given, under its namespace', async () => {
  const sent: unknown[][] = []
  const transaction = { query: async (text: string, values: unknown[]) => sent.push([text, ...values]) }
  await emitEvent(transaction, invoiceVoided, { memberId: 2n ** 60n, reason: 'typo' }, { namespace: 'test' })
  const [[text, prefix, content] = []] = sent
  expect([text, prefix]).toEqual(['select pg_logical_emit_message(true, $1::text, $2::text)', 'freshet:test'])
  expect(decodeEmittedEvent(String(content))).toEqual({
    event: 'invoice.voided',
    parameters: { memberId: '1152921504606846976', reason: 'typo' },
  })
})

it('an event with other parameters than it declares is not written', async () => {
  // @ts-expect-error a parameter is missing
  expect(() => emitStatement(invoiceVoided, { memberId: 1 })).toThrow(EventParametersError)
  const given = { memberId: 1, reason: 'typo', extra: 1 }
  expect(() => emitStatement(invoiceVoided, given)).toThrow('does not declare extra')
})

it('an event of a catalog from JSON is written by its name', () => {
  expect(emitStatement('invoice.voided', { memberId: 1 }).values[0]).toBe('freshet:default')
})
