import { model, queries } from '@freshet/members-catalog'
import { z } from 'zod'

const fields = {
  organizationId: queries.id,
  name: z.string().trim().min(1).max(200),
  email: z.email().max(320),
  status: z.enum(model.MEMBER_STATUSES),
}

export const newMember = z
  .strictObject({ ...fields, status: fields.status.default('active') })
  .meta({ id: 'NewMember' })

export const memberChange = z
  .strictObject(fields)
  .partial()
  .refine((change) => Object.keys(change).length > 0, { error: 'expected at least one field to change' })
  .meta({ id: 'MemberChange' })

export type NewMember = z.infer<typeof newMember>
export type MemberChange = z.infer<typeof memberChange>
