import type { IncomingBatch } from '@freshet/kafka'
import { OnBatch } from '@freshet/service-kit'
import { Controller } from '@nestjs/common'
import { Payload } from '@nestjs/microservices'
import type { Observable } from 'rxjs'
import { InvalidationEngine } from './engine.js'

/** Hands each batch to the engine; the transport waits for it and asks for the position again when it fails. */
@Controller()
export class BatchesController {
  constructor(private readonly engine: InvalidationEngine) {}

  @OnBatch()
  apply(@Payload() batch: IncomingBatch): Observable<never> {
    return this.engine.handle(batch)
  }
}
