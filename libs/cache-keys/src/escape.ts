// Cc: control characters. Cs: with the u flag only surrogates without their pair, which UTF-8 cannot tell apart.
const forbiddenInSegments = /[\p{Cc}\p{Cs}%*:]/gu
const forbiddenInQueries = /[\p{Cc}\p{Cs}%*:&=,+]|^~/gu
const plain = /^[\w.-]*$/

/** Escapes a parameter's text so that it can stand as one segment of a key. Injective. */
export const escapeSegment = (text: string): string =>
  plain.test(text) ? text : text.replace(forbiddenInSegments, escapeCharacter)

/** Escapes a name or value of a query; also the marks that `canonicalQuery` writes between them. Injective. */
export const escapeQueryPart = (text: string): string =>
  plain.test(text) ? text : text.replace(forbiddenInQueries, escapeCharacter)

// '%' and two digits, or '%u' and four: the digits never begin with 'u', so that the two cannot be confused.
function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0).toString(16).toUpperCase()
  return code.length <= 2 ? `%${code.padStart(2, '0')}` : `%u${code}`
}

/** The inverse of both: no text stands for two. */
export const unescapePart = (text: string): string =>
  text.replace(/%u([0-9A-F]{4})|%([0-9A-F]{2})/g, (_, long?: string, short?: string) =>
    String.fromCharCode(Number.parseInt(long ?? short ?? '', 16)),
  )
