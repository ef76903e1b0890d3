import { UnencodableValueError } from './errors.js'

/**
 * The bytes of a value, as JSON.
 *
 * Throws UnencodableValueError, naming the path, when the value would come back as another one: `undefined`, functions,
 * symbols, bigints, NaN and infinities, holes in arrays, cycles, Date, Map and other class instances. `-0` is taken and
 * comes back as `0`.
 *
 * @example encode({ amount: 70 }).toString() // '{"amount":70}'
 */
export function encode(value: unknown): Buffer {
  refuseUnencodable(value, [], new Set())
  return Buffer.from(JSON.stringify(value))
}

/** The value of these bytes, frozen in depth: every layer hands out the same kind of value, and no caller can spoil another's. */
export const decode = (bytes: Buffer): unknown => freezeDeep(JSON.parse(bytes.toString()))

/** Only for what JSON.parse made: no cycles, nothing but plain objects and arrays. */
function freezeDeep(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) for (const item of value) freezeDeep(item)
  else for (const name in value) freezeDeep(value[name as keyof typeof value])
  return Object.freeze(value)
}

type Path = (string | number)[]

function refuseUnencodable(value: unknown, path: Path, above: Set<object>): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return
    case 'number':
      if (Number.isFinite(value)) return
      throw new UnencodableValueError(pathText(path), String(value))
    case 'object':
      if (value !== null) refuseUnencodableParts(value, path, above)
      return
    case 'undefined':
    case 'function':
    case 'symbol':
    case 'bigint':
      throw new UnencodableValueError(pathText(path), value === undefined ? 'undefined' : `a ${typeof value}`)
  }
}

function refuseUnencodableParts(value: object, path: Path, above: Set<object>): void {
  if (above.has(value)) throw new UnencodableValueError(pathText(path), 'a reference to what holds it')
  above.add(value)
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      if (!(index in value)) throw new UnencodableValueError(pathText([...path, index]), 'a hole')
      refuseAt(value[index], index, path, above)
    }
  } else {
    refuseClassInstance(value, path)
    for (const name of Object.keys(value)) refuseAt(value[name as keyof typeof value], name, path, above)
  }
  above.delete(value)
}

function refuseAt(value: unknown, step: string | number, path: Path, above: Set<object>): void {
  path.push(step)
  refuseUnencodable(value, path, above)
  path.pop()
}

function refuseClassInstance(value: object, path: Path): void {
  const prototype = Object.getPrototypeOf(value) as object | null
  const plain = prototype === null || Object.getPrototypeOf(prototype) === null
  if (plain && !('toJSON' in value) && Object.getOwnPropertySymbols(value).length === 0) return
  const name = plain ? 'an object with toJSON or symbols' : `a ${prototype.constructor?.name || 'class instance'}`
  throw new UnencodableValueError(pathText(path), name)
}

const pathText = (path: Path): string =>
  path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('') || '(the value itself)'
