import {
  alterPublications,
  createMissingPublications,
  publicationMark,
  publicationNames,
  readPublications,
} from '@freshet/postgres'
import { readGround } from './ground.js'
import type { AdmissionOptions } from './ports.js'

/**
 * Creates Freshet's two publications, empty, where they are missing, and leaves existing ones as they are. Before the
 * slot: what is decoded at a position at which its publication did not yet exist ends the stream (before Postgres 18).
 *
 * Throws PublicationLockedError or Postgres' error; whether the role may do it is preflight's to say before.
 */
export async function preparePublications({ pool, publication, namespace }: AdmissionOptions): Promise<void> {
  const names = publicationNames(publication)
  const { version } = await readGround(pool, [], names)
  const wish = { name: publication, mark: publicationMark(namespace), version }
  const statements = createMissingPublications(wish, await readPublications(pool, names))
  if (statements.length > 0) await alterPublications(pool, statements, { stillHolds: async () => true })
}
