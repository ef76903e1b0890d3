export const SLOTS = 16_384

/** The hash slot of a key: CRC16 (XMODEM) of what stands in its first braces, or of all of it. */
export function slotOf(key: string): number {
  const [, braced] = /^[^{]*\{([^}]+)\}/.exec(key) ?? []
  let crc = 0
  for (const byte of Buffer.from(braced ?? key)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff
  }
  return crc % SLOTS
}
