import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { createPool, withConnection } from '../../src/index.js'

const message = (type: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeInt32BE(4 + body.length, 1)
  return Buffer.concat([head, body])
}
const authenticated = message('R', Buffer.alloc(4))
const ready = message('Z', Buffer.from('I'))
const ended = message('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0'))

it('a server that ends a connection in the same breath in which it is ready does not end the process', async () => {
  const uncaught: unknown[] = []
  const note = (error: unknown): void => void uncaught.push(error)
  process.on('uncaughtException', note)
  const server = createServer((socket) => {
    socket.once('data', () => socket.write(Buffer.concat([authenticated, ready, ended])))
    socket.on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const pool = createPool({ url: `postgres://freshet@127.0.0.1:${port}/freshet`, applicationName: 'test' })
  onTestFinished(async () => {
    process.off('uncaughtException', note)
    await pool.end()
    server.close()
  })
  await expect(withConnection(pool, (connection) => connection.query('select 1'))).rejects.toThrow()
  expect(uncaught).toEqual([])
})
