import { badRequest, unavailable, type ProblemsByCode } from '@freshet/service-kit'

/** Errors of what lies below, by their code, and what a caller is told of them. */
export const dispositions: ProblemsByCode = {
  LOAD_LIMIT: () => unavailable('More is asked of the database than it can take at the moment.'),
  LOAD_TIMEOUT: () => unavailable('The database did not answer in time.'),
  COMMIT_NOT_VISIBLE: () => unavailable('The commit that Freshet-Token names is not visible yet.'),
  BAD_TOKEN: () =>
    badRequest([
      { field: 'Freshet-Token', detail: 'no token of a commit; send back what a write answered, unchanged' },
    ]),
  CACHE_CLOSED: () => unavailable('This instance is shutting down.'),
  VALUES_UNAVAILABLE: () => unavailable('Redis is not reachable.'),
  ECONNREFUSED: () => unavailable('The database is not reachable.'),
  ECONNRESET: () => unavailable('The connection to the database broke.'),
  '57P01': () => unavailable('The database is shutting down.'),
  '57P03': () => unavailable('The database is starting up.'),
  '53300': () => unavailable('The database has no connection left.'),
}
