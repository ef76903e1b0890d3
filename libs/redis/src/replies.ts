import { z } from 'zod'

// A reply that is not what its command gives back throws here: something else than Redis answers.
const number = z.number()
const texts = z.array(z.string().nullable())
const buffers = z.array(z.instanceof(Buffer).nullable())
const hash = z.record(z.string(), z.string())

export const numberReply = (reply: unknown): number => number.parse(reply)

export const textsReply = (reply: unknown): (string | null)[] => texts.parse(reply)

export const buffersReply = (reply: unknown): (Buffer | null)[] => buffers.parse(reply)

export const hashReply = (reply: unknown): Record<string, string> => hash.parse(reply)
