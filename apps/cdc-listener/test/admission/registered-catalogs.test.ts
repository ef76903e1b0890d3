import {
  encodeCatalog,
  encodeCatalogRetired,
  encodeCatalogStatus,
  topics as topicNames,
  topicSpecs,
  type CatalogDocument,
} from '@freshet/events'
import type { OutgoingRecord } from '@freshet/kafka'
import { lsn } from '@freshet/pgoutput'
import { FakeKafkaServer } from '@freshet/testing'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { documentFingerprint } from '../../src/admission/document-fingerprint.js'
import { RegisteredCatalogs } from '../../src/admission/registered-catalogs.js'
import { documentOf } from './catalogs.js'

const topics = topicNames()
const source = 'freshet/test'
const name = { owner: 'members-api', version: '1' } as const
const first = { ...documentOf() } as CatalogDocument
const second = { ...documentOf({ templates: {}, rules: [] }) } as CatalogDocument
const weekMs = 7 * 24 * 3_600_000

let kafka: FakeKafkaServer
beforeEach(async () => {
  kafka = new FakeKafkaServer()
  await kafka.connect().admin.ensureTopics(topicSpecs('', [], { partitions: 1 }))
})

const send = (record: OutgoingRecord): void => void kafka.append([record])
const register = (catalog: CatalogDocument): void =>
  send({ topic: topics.catalogs, ...encodeCatalog({ source, catalog }) })
const retire = (): void => send({ topic: topics.catalogs, ...encodeCatalogRetired({ source, ...name }) })
const bury = (topic: string): void => send({ topic, key: 'members-api@1', value: null })
function answer(state: 'accepted' | 'refused' | 'retired', to: CatalogDocument = first): void {
  const common = { source, ...name, fingerprint: documentFingerprint(to) }
  const status = {
    accepted: { ...common, state: 'accepted', lsn: lsn(1n), parameterKinds: {} },
    refused: { ...common, state: 'refused', faults: [] },
    retired: { ...common, state: 'retired', lsn: lsn(1n) },
  } as const
  send({ topic: topics.catalogStatus, ...encodeCatalogStatus(status[state]) })
}

/** What a listener that starts now finds. */
async function found(): Promise<RegisteredCatalogs> {
  const registered = new RegisteredCatalogs(kafka.connect(), '')
  await registered.read()
  onTestFinished(() => registered.close())
  return registered
}

it('a restart finds the accepted catalog, though other content was registered over it and refused', async () => {
  register(first)
  answer('accepted')
  register(second)
  answer('refused', second)
  const { documents, accepted } = await found()
  expect(documents).toEqual([first, second])
  expect(accepted.get('members-api@1')?.fingerprint).toBe(documentFingerprint(first))
})

it('a restart finds the accepted catalog alone once it was written again behind what was refused', async () => {
  register(second)
  answer('refused', second)
  register(first)
  answer('accepted')
  expect((await found()).documents).toEqual([first])
})

it('a catalog that was refused after its acceptance is accepted no more', async () => {
  register(first)
  answer('accepted')
  answer('refused')
  const { documents, accepted } = await found()
  expect(documents).toEqual([first])
  expect(accepted.size).toBe(0)
})

it('a retirement is to be told until it was answered, with what was accepted', async () => {
  register(first)
  answer('accepted')
  retire()
  const before = await found()
  expect(before.documents).toEqual([])
  expect(before.retirements).toEqual([{ ...name, document: first }])
  answer('retired')
  const after = await found()
  expect(after.retirements).toEqual([])
  expect(after.accepted.size).toBe(0)
})

it('what is registered again after its retirement is there, whatever it was before', async () => {
  register(first)
  answer('accepted')
  retire()
  answer('retired')
  register(second)
  const { documents, retirements, accepted } = await found()
  expect(documents).toEqual([second])
  expect(retirements).toEqual([])
  expect(accepted.size).toBe(0)
})

it('a tombstone retires nothing: a catalog ends by its retirement only', async () => {
  register(first)
  bury(topics.catalogs)
  expect((await found()).documents).toEqual([first])
})

it('a retired catalog is forgotten only once change topics are, and only while it is retired', async () => {
  register(first)
  answer('accepted')
  retire()
  answer('retired')
  const registered = await found()
  expect(registered.forgettable(Date.now() + weekMs - 60_000)).toEqual([])
  expect(registered.forgettable(Date.now() + weekMs + 60_000)).toEqual(['members-api@1'])
  for (const topic of [topics.catalogs, topics.catalogStatus]) bury(topic)
  const forgotten = await found()
  expect(forgotten.forgettable(Date.now() + 2 * weekMs)).toEqual([])
  expect(forgotten.retirements).toEqual([])
  register(first)
  expect((await found()).documents).toEqual([first])
})
