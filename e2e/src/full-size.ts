/** The numbers of a long run (`FRESHET_E2E=full`) or those of the standard one. */
export const sized = <T>(full: T, standard: T): T => (process.env['FRESHET_E2E'] === 'full' ? full : standard)
