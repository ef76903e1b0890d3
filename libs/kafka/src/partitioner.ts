import kafkajs, { type ICustomPartitioner } from 'kafkajs'

/** As Java's client: a given partition, else murmur2 of the key; a record with neither goes to partition 0 (DESIGN 6). */
export const partitioner: ICustomPartitioner = () => {
  const byKey = kafkajs.Partitioners.DefaultPartitioner()
  return (args) => {
    const { partition, key } = args.message
    if (partition === undefined && (key === null || key === undefined)) return 0
    return byKey(args)
  }
}
