import type { LoggerService } from '@nestjs/common'
import type { Logger } from 'pino'

/** Who tells at start of every module and route. */
const nestsOwn = new Set([
  'InstanceLoader',
  'NestApplication',
  'NestFactory',
  'NestMicroservice',
  'RouterExplorer',
  'RoutesResolver',
])

/** Nest's own lines in the service's log. Nest passes the context, and of errors the stack, behind the message. */
export class NestLog implements LoggerService {
  constructor(private readonly pino: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.#write(nestsOwn.has(String(rest.at(-1))) ? 'debug' : 'info', message, rest)
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.#write('error', message, rest)
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#write('warn', message, rest)
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.#write('debug', message, rest)
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.#write('trace', message, rest)
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.#write('fatal', message, rest)
  }

  #write(
    level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace',
    message: unknown,
    rest: readonly unknown[],
  ): void {
    const context = rest.at(-1)
    const [stack] = rest.length > 1 ? rest : []
    const facts = {
      ...(typeof context === 'string' && { context }),
      ...(typeof stack === 'string' && { stack }),
      ...(message instanceof Error && { err: message }),
    }
    this.pino[level](facts, message instanceof Error ? message.message : textOf(message))
  }
}

const textOf = (message: unknown): string => (typeof message === 'string' ? message : JSON.stringify(message))
