/** A place in a catalog's JSON, written as `validateCatalog` does: `tables["public.members"].events["member.left"]`. */
export const placeIn = (...names: readonly (string | number)[]): string => names.reduce<string>(below, '')

function below(text: string, name: string | number): string {
  if (typeof name === 'number') return `${text}[${name}]`
  if (!/^[A-Za-z_$][\w$]*$/.test(name)) return `${text}[${JSON.stringify(name)}]`
  return text === '' ? name : `${text}.${name}`
}
