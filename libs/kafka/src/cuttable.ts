import { connect, type Socket } from 'node:net'
import kafkajs, { type KafkaConfig } from 'kafkajs'
import { KafkaSilentError } from './errors.js'

/** What one client of kafkajs is opened with, and the means to end that client whatever kafkajs thinks of it. */
export interface Cuttable {
  readonly kafka: kafkajs.Kafka
  /** Destroys its sockets and lets it open no more: what kafkajs still tries in the background reaches no broker. */
  readonly cut: () => void
  /**
   * To be told of every request that was not answered in time. kafkajs gives up the request, but not its connection, and
   * would send the next one, and all after it, the same way into the void: here its sockets go too, and it opens others.
   */
  readonly onRequestTimeout: () => void
}

const keepAliveMs = 60_000

/** An instance of kafkajs for one client, so that the client's sockets are known. */
export function openCuttable(config: Omit<KafkaConfig, 'socketFactory'>): Cuttable {
  const sockets = new Set<Socket>()
  let isCut = false
  const open = (host: string, port: number, onConnect: () => void): Socket => {
    if (isCut) throw new Error('this client was given up')
    const socket = connect({ host, port }, onConnect)
    socket.setKeepAlive(true, keepAliveMs)
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    return socket
  }
  const destroyAll = (why: string): void => {
    for (const socket of sockets) socket.destroy(new Error(why))
  }
  return {
    kafka: new kafkajs.Kafka({ ...config, socketFactory: ({ host, port, onConnect }) => open(host, port, onConnect) }),
    cut: () => {
      isCut = true
      destroyAll('this client was given up')
    },
    onRequestTimeout: () => destroyAll('a request was not answered in time'),
  }
}

/**
 * What the call gives. Throws KafkaSilentError once it has taken longer than `silenceMs`.
 *
 * kafkajs times requests out itself, but only while it takes their connection for connected: one that is written between
 * the broker's good-bye and its own is neither answered nor rejected, and whoever awaits it would wait for ever.
 */
export async function answered<T>(call: Promise<T>, silenceMs: number): Promise<T> {
  const silent = Promise.withResolvers<never>()
  const timer = setTimeout(() => silent.reject(new KafkaSilentError(silenceMs)), silenceMs)
  call.catch(() => undefined) // told to nobody once given up
  try {
    return await Promise.race([call, silent.promise])
  } finally {
    clearTimeout(timer)
  }
}
