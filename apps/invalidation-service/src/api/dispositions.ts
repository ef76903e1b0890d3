import { KeyUnknownError, TagUnknownError } from '@freshet/explain'
import { badRequest, Problem, unavailable, type ProblemsByCode } from '@freshet/service-kit'

/** Errors of what lies below, by their code, and what a caller is told of them. */
export const dispositions: ProblemsByCode = {
  KEY_UNKNOWN: (error) =>
    new Problem({
      title: 'Not Found',
      status: 404,
      detail: error.message,
      ...(error instanceof KeyUnknownError && { errors: [{ field: 'key', detail: nearest(error) }] }),
    }),
  TAG_UNKNOWN: (error) =>
    badRequest([{ field: 'tag', detail: error instanceof TagUnknownError ? error.message : 'is not known' }]),
  UNDECLARED_IN_CATALOG: (error) => badRequest([{ field: 'changes', detail: error.message }]),
  READ_BACK_TIMEOUT: (error) => unavailable(error.message, 10),
  API_BUSY: (error) => unavailable(error.message, 5),
  KAFKA_UNREACHABLE: () => unavailable('Kafka is not reachable.', 5),
  VALUES_UNAVAILABLE: () => unavailable('Redis is not reachable.'),
}

const nearest = ({ nearest: templates }: KeyUnknownError): string =>
  templates.length === 0 ? 'no catalog declares a template' : `the nearest templates are ${templates.join(', ')}`
