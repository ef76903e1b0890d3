import kafkajs, { type ICustomPartitioner, type PartitionMetadata } from 'kafkajs'

const byKey = kafkajs.Partitioners.DefaultPartitioner()

/** As Java's client: a given partition, else murmur2 of the key; a record with neither goes to partition 0 (DESIGN 6). */
export const partitioner: ICustomPartitioner = () => (args) => {
  const { partition, key } = args.message
  return partition === undefined && (key === null || key === undefined) ? 0 : byKey(args)
}

const metadata = new Map<number, PartitionMetadata[]>()

/**
 * The partition that a record with this key goes to, of so many. Fixed for all times: Java's murmur2.
 *
 * @example partitionOf('42', 3) // 2
 */
export function partitionOf(key: string | Buffer | null, partitions: number): number {
  if (key === null) return 0
  let partitionMetadata = metadata.get(partitions)
  if (!partitionMetadata) {
    partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({ ...onlyPlace, partitionId }))
    metadata.set(partitions, partitionMetadata)
  }
  return byKey({ topic: '', partitionMetadata, message: { key, value: null } })
}

/** What kafkajs' type asks for beyond the number of partitions. */
const onlyPlace = { partitionErrorCode: 0, leader: 0, replicas: [], isr: [] }
