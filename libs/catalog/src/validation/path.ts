/** Where something stands in the JSON, written as JavaScript would: `rules[2].on.where["first name"]`. */
export const pathText = (parts: readonly PropertyKey[]): string =>
  parts.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    const name = String(part)
    if (!/^[A-Za-z_$][\w$]*$/.test(name)) return `${text}[${JSON.stringify(name)}]`
    return text === '' ? name : `${text}.${name}`
  }, '')
