import { Controller, Get, Header, Res } from '@nestjs/common'
import { Registry } from 'prom-client'
import { HealthRegistry, type HealthReport } from './health-registry.js'

/** What the controller needs of a reply, whichever version of Fastify it is. */
interface Reply {
  status(code: number): unknown
}

/** Liveness, readiness and metrics of any service. */
@Controller()
export class HealthController {
  constructor(
    private readonly health: HealthRegistry,
    private readonly metrics: Registry,
  ) {}

  /** Answers as long as the process can answer at all. */
  @Get('health/live')
  live(): { readonly status: 'live' } {
    return { status: 'live' }
  }

  /** 200 when every part is ready, else 503 with the reasons. */
  @Get('health/ready')
  async ready(@Res({ passthrough: true }) reply: Reply): Promise<HealthReport> {
    const report = await this.health.report()
    if (!report.ready) reply.status(503)
    return report
  }

  @Get('metrics')
  @Header('content-type', Registry.PROMETHEUS_CONTENT_TYPE)
  async exposition(): Promise<string> {
    return this.metrics.metrics()
  }
}
