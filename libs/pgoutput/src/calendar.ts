/** What Postgres stores for `infinity` and `-infinity`. */
const endless = { days: 0x7fffffff, us: 0x7fffffffffffffffn } as const

/** From 1970-01-01 back to 0000-03-01, where the calendar's 400 year cycle begins, and on to 2000-01-01. */
const daysToEpoch = 719_468
const daysTo2000 = 10_957
const usPerDay = 86_400_000_000n

/** Days since 2000-01-01 as Postgres prints a date under `DateStyle = ISO`. */
export function dateText(days: number): string {
  if (days === endless.days) return 'infinity'
  if (days === -endless.days - 1) return '-infinity'
  const { date, isBeforeChrist } = civil(days)
  return isBeforeChrist ? `${date} BC` : date
}

/** Microseconds since 2000-01-01 as Postgres prints a timestamp under `DateStyle = ISO`; `zone` is `+00` or nothing. */
export function timestampText(us: bigint, zone: '' | '+00'): string {
  if (us === endless.us) return 'infinity'
  if (us === -endless.us - 1n) return '-infinity'
  const inDay = ((us % usPerDay) + usPerDay) % usPerDay
  const { date, isBeforeChrist } = civil(Number((us - inDay) / usPerDay))
  return `${date} ${timeText(Number(inDay))}${zone}${isBeforeChrist ? ' BC' : ''}`
}

/** Microseconds of a day as `HH:MM:SS`, with as much of a fraction as there is. */
export function timeText(us: number): string {
  const seconds = Math.floor(us / 1_000_000)
  const fraction = us % 1_000_000
  const clock = [seconds / 3600, (seconds / 60) % 60, seconds % 60].map((part) => two(Math.floor(part))).join(':')
  return fraction === 0 ? clock : `${clock}.${String(fraction).padStart(6, '0').replace(/0+$/, '')}`
}

/**
 * Year, month and day of days since 2000-01-01, in the proleptic Gregorian calendar. After Howard Hinnant, "chrono-
 * Compatible Low-Level Date Algorithms" (civil_from_days): JavaScript's own Date ends before Postgres' years do.
 */
function civil(days2000: number): { readonly date: string; readonly isBeforeChrist: boolean } {
  const days = days2000 + daysTo2000 + daysToEpoch
  const era = Math.floor(days / 146_097)
  const dayOfEra = days - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  const isBeforeChrist = year <= 0 // there is no year 0
  const shown = String(isBeforeChrist ? 1 - year : year).padStart(4, '0')
  return { date: `${shown}-${two(month)}-${two(day)}`, isBeforeChrist }
}

const two = (value: number): string => String(value).padStart(2, '0')
