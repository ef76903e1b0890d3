/** Marks in the place of the sign. */
const sign = { negative: 0x4000, nan: 0xc000, infinity: 0xd000, negativeInfinity: 0xf000 } as const

/**
 * Postgres' binary numeric as its text: base 10,000 digits, the first with the weight of 10,000 to the power of `weight`,
 * and the number of decimal places to show (PostgreSQL source, numeric_send and get_str_from_var).
 */
export function numericText(bytes: Buffer, start: number): string {
  const digits = bytes.readInt16BE(start)
  const weight = bytes.readInt16BE(start + 2)
  const mark = bytes.readUInt16BE(start + 4)
  const places = bytes.readInt16BE(start + 6)
  if (mark === sign.nan) return 'NaN'
  if (mark === sign.infinity) return 'Infinity'
  if (mark === sign.negativeInfinity) return '-Infinity'
  const group = (index: number): string =>
    String(index >= 0 && index < digits ? bytes.readInt16BE(start + 8 + 2 * index) : 0).padStart(4, '0')
  let whole = ''
  for (let index = 0; index <= weight; index++) whole += group(index)
  let fraction = ''
  for (let index = weight + 1; fraction.length < places; index++) fraction += group(index)
  const text = `${whole.replace(/^0+(?=.)/, '') || '0'}${places > 0 ? `.${fraction.slice(0, places)}` : ''}`
  return mark === sign.negative ? `-${text}` : text
}
