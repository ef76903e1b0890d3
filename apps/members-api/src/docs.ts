import type { INestApplication } from '@nestjs/common'
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger'

/** Serves the OpenAPI page at /docs and the document at /docs-json. */
export function serveDocs(app: INestApplication): void {
  SwaggerModule.setup('docs', app, () => openApiOf(app))
}

export function openApiOf(app: INestApplication): OpenAPIObject {
  const about = new DocumentBuilder()
    .setTitle('Members')
    .setDescription(
      'Members and their payments. Reads say in Cache-Status and Age where they come from; writes go to Postgres alone.',
    )
    .setVersion('1')
    .build()
  return SwaggerModule.createDocument(app, about)
}
