/** Is this topic named by one of the globs? `*` stands for any text without a dot, `**` for any text. */
export const matchesAny = (topic: string, globs: readonly string[]): boolean =>
  globs.some((glob) => (isGlob(glob) ? patternOf(glob).test(topic) : glob === topic))

export const isGlob = (name: string): boolean => name.includes('*')

const patternOf = (glob: string): RegExp => {
  const parts = glob.split(/(\*\*|\*)/).map((part) => wildcards.get(part) ?? part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('')}$`)
}

const wildcards = new Map([
  ['*', '[^.]*'],
  ['**', '.*'],
])
