import { createHash, timingSafeEqual } from 'node:crypto'
import { BlockList, isIPv6 } from 'node:net'
import { Problem } from '@freshet/service-kit'
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** The credential, if there is one; injected by this class. */
export class ApiCredential {
  constructor(readonly token: string | undefined) {}
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/**
 * Who may ask the API: whoever shows the credential. Without one, only connections that were made to a loopback address, and
 * so on this machine: for all others it is as if nothing listened, though health and metrics are served on the same port.
 */
@Injectable()
export class Admission implements CanActivate {
  constructor(private readonly credential: ApiCredential) {}

  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp()
    const { headers, socket } = http.getRequest<FastifyRequest>()
    const { token } = this.credential
    if (token === undefined) {
      // a page in a browser of this machine may have its name resolve to a loopback address, but not call itself localhost
      if (isLoopback(socket.localAddress) && isLocalName(headers.host)) return true
      throw forbidden
    }
    const [, given] = /^Bearer +([\x21-\x7e]+)$/i.exec(headers.authorization ?? '') ?? []
    if (given !== undefined && isEqual(given, token)) return true
    void http.getResponse<FastifyReply>().header('www-authenticate', 'Bearer realm="freshet"')
    throw unauthorized
  }
}

/** In constant time, whatever the lengths. */
const isEqual = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other))

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

export const isLoopback = (address: string | undefined): boolean =>
  address !== undefined && loopback.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')

/** `localhost:3002`, `127.0.0.1`, `[::1]:3002` */
function isLocalName(host: string | undefined): boolean {
  const name = host?.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
  return name === 'localhost' || (name !== undefined && /^[\d.]+$|:/.test(name) && isLoopback(name))
}

const forbidden = new Problem({
  title: 'Forbidden',
  status: 403,
  detail: 'Without FRESHET_API_TOKEN this API answers on the loopback address of its own machine alone.',
})

const unauthorized = new Problem({
  title: 'Unauthorized',
  status: 401,
  detail: 'Send FRESHET_API_TOKEN as "Authorization: Bearer …".',
})
