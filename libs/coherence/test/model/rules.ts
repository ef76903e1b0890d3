/** Rules of DESIGN 7 that a run can do without. */
export const rules = ['R2', 'R3', 'R4', 'R5', 'R6', 'R7', 'R8', 'R9', 'R10', 'R11', 'R12', 'R13'] as const

export type Rule = (typeof rules)[number]
