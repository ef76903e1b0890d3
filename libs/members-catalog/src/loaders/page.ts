import type { Page } from '../model.js'

/** Cuts a page out of an ordered list: asks for one row more than fits, which tells whether another page follows. */
export async function pageOf<T>(
  { page, limit }: { page: number; limit: number },
  rowsOf: (limit: number, offset: number) => Promise<T[]>,
): Promise<Page<T>> {
  const rows = await rowsOf(limit + 1, (page - 1) * limit)
  return { items: rows.slice(0, limit), page, limit, more: rows.length > limit }
}
