export { ConfigurationError, type ConfigurationFault } from './configuration/configuration-error.js'
export { environmentExample } from './configuration/environment-example.js'
export { readConfiguration, type Environment } from './configuration/read-configuration.js'
export { optional, withDefault, type Configuration, type Variable } from './configuration/variable.js'
export { variables } from './configuration/variables.js'
export { HealthRegistry, type HealthReport, type Probe, type Readiness } from './health/health-registry.js'
export { readinessOf } from './health/consumer-readiness.js'
export { createLog, type LogOptions } from './log/create-log.js'
export { NestLog } from './log/nest-log.js'
export { Occurrences, type Listener } from './occurrences.js'
export {
  badRequest,
  conflict,
  notFound,
  Problem,
  problemDetails,
  unavailable,
  unprocessable,
  type FaultyField,
  type ProblemDetails,
} from './problem/problem.js'
export { ProblemFilter, type ProblemsByCode } from './problem/problem.filter.js'
export { Validation } from './problem/validation.js'
export { runService } from './service/run-service.js'
export { SERVICE_LOG, ServiceKitModule } from './service/service-kit.module.js'
export { type RunningService, type Service } from './service/service.js'
export { PortInUseError, startService, type StartOptions } from './service/start-service.js'
export { FreshetKafkaContext, type RecordPayload } from './transport/context.js'
export { FRESHET_KAFKA, OnBatch, OnRecord } from './transport/decorators.js'
export { PartitionLostError, type OnUnreadable } from './transport/dispatch.js'
export { FreshetKafkaStrategy, type FreshetKafkaOptions } from './transport/freshet-kafka-strategy.js'
