/** The `{placeholders}` of a legacy key, in the order of the text. */
export const placeholdersOf = (key: string): readonly string[] =>
  [...key.matchAll(/\{([^{}]*)\}/g)].map(([, name = '']) => name)
