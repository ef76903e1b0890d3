import { Controller, Get, type INestApplication } from '@nestjs/common'
import { ApiExcludeController, DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger'
import { Guarded } from './guarded.js'

/** The OpenAPI document, made when it is first asked for. */
export class ApiDocs {
  private app: INestApplication | undefined
  private made: OpenAPIObject | undefined

  of(app: INestApplication): void {
    this.app = app
  }

  get document(): OpenAPIObject | undefined {
    if (this.app) this.made ??= SwaggerModule.createDocument(this.app, about())
    return this.made
  }
}

const about = (): Omit<OpenAPIObject, 'paths'> =>
  new DocumentBuilder()
    .setTitle('Freshet: the invalidation service')
    .setDescription('What governs a key, what fenced it last, what a change would fence. Nothing is changed by asking.')
    .setVersion('1')
    .addBearerAuth()
    .build()

@Controller('openapi.json')
@ApiExcludeController()
@Guarded()
export class DocsController {
  constructor(private readonly docs: ApiDocs) {}

  @Get()
  document(): OpenAPIObject | undefined {
    return this.docs.document
  }
}
