/** The services that `freshet start` runs. Each is a package whose module `./main` runs it in this process. */
export const serviceNames = ['cdc-listener', 'invalidation-service', 'cache-warmer'] as const

export type ServiceName = (typeof serviceNames)[number]

/** Runs a service in this process: it reads the environment, drains on SIGTERM and ends the process itself. */
export async function startService(name: ServiceName): Promise<void> {
  await (import(`@freshet/${name}/main`) as Promise<unknown>)
}
