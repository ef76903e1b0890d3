export { formatLsn, lsn, parseLsn, type Lsn } from './lsn.js'
export { widenXid, xid, type Xid } from './xid.js'
