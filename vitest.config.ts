import { defineConfig } from 'vitest/config'

// 'import' and 'default' are left out: workers get these for require() too, and pg would be handed a module for its pool
const conditions = ['@freshet/source', 'module', 'node', 'development|production']
const wholeSystem = { environment: 'node', fileParallelism: false, testTimeout: 120_000, hookTimeout: 180_000 } as const
const shared = { resolve: { conditions }, ssr: { resolve: { conditions, externalConditions: conditions } } }

export default defineConfig({
  ...shared,
  test: {
    maxWorkers: 2, // most of the time is spent waiting for servers, also where a machine has two cores
    projects: [
      {
        ...shared,
        test: { name: 'unit', include: ['libs/*/test/**/*.test.ts', 'apps/*/test/**/*.test.ts'], environment: 'node' },
      },
      {
        ...shared,
        test: { name: 'e2e', include: ['e2e/test/**/*.test.ts'], ...wholeSystem },
      },
      {
        ...shared,
        test: { name: 'faults', include: ['e2e/faults/**/*.test.ts'], ...wholeSystem },
      },
    ],
  },
})
