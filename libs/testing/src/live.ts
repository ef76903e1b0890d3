// What works against live servers, inside and outside of Vitest.
export { AppliedWatch, writtenUpTo } from './applied-watch.js'
export { eventually } from './eventually.js'
export { TcpProxy } from './tcp-proxy.js'
export { commitUnseen } from './unseen-commit.js'
export { metricOf } from './metric.js'
