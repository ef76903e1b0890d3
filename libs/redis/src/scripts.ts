import { createHash } from 'node:crypto'

/** A Lua script on one key, sent by its digest. */
export interface Script {
  readonly source: string
  readonly sha: string
}

const script = (source: string): Script => ({ source, sha: createHash('sha1').update(source).digest('hex') })

// Xids and LSNs exceed 2^53, which is where Lua's numbers end: they are compared as decimal texts without leading zeros.
const below = `
local function below(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end`

/** `addTransactions` of @freshet/coherence. ARGV: xid, lsn, xid, lsn, ... */
export const addTransactionsScript = script(`${below}
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end -- R6: lost history stays lost
for i = 1, #ARGV, 2 do
  if redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) == 0
    and below(redis.call('HGET', KEYS[1], ARGV[i]), ARGV[i + 1])
  then redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
return 1`)

/** `openRecord`. ARGV: the life of a new record. Returns the record's life, and its floor if it has one. */
export const openRecordScript = script(`
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('HSET', KEYS[1], 'life', ARGV[1], 'floor', 'inf') end
return redis.call('HMGET', KEYS[1], 'life', 'floor')`)

/** `setFloor`. ARGV: the life that was opened, floor, pruned. */
export const setFloorScript = script(`${below}
if redis.call('HGET', KEYS[1], 'life') ~= ARGV[1] then return 0 end -- R6: lost since it was opened
local floor, pruned = unpack(redis.call('HMGET', KEYS[1], 'floor', 'pruned'))
if not floor or floor == 'inf' or below(floor, ARGV[2]) then redis.call('HSET', KEYS[1], 'floor', ARGV[2]) end
if not pruned or below(pruned, ARGV[3]) then redis.call('HSET', KEYS[1], 'pruned', ARGV[3]) end
return 1`)

/**
 * `pruneRecord`. ARGV: the watermark's lsn, xmin, xmax and running transactions. Returns -1 for a missing record, -2 for a
 * placeholder, else how many transactions and floors it still holds.
 */
export const pruneScript = script(`${below}
local fields = redis.call('HGETALL', KEYS[1])
if #fields == 0 then return -1 end
local lsn, xmin, xmax, running = ARGV[1], ARGV[2], ARGV[3], {}
for i = 4, #ARGV do running[ARGV[i]] = true end
local pruned, highest, floor, gone, held = nil, nil, nil, {}, 0
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if name == 'pruned' then pruned = value
  elseif name == 'floor' then floor = value
  elseif name ~= 'life' then
    local visible = below(name, xmin) or (below(name, xmax) and not running[name]) -- R3
    if visible and not below(lsn, value) then -- R8
      gone[#gone + 1] = name
      if not highest or below(highest, value) then highest = value end
    else held = held + 1 end
  end
end
if highest and (not pruned or below(pruned, highest)) then redis.call('HSET', KEYS[1], 'pruned', highest) end
for i = 1, #gone, 1000 do redis.call('HDEL', KEYS[1], unpack(gone, i, math.min(i + 999, #gone))) end
if floor == 'inf' then return -2 end
if floor and below(floor, xmin) then redis.call('HDEL', KEYS[1], 'floor') -- R8: xmin > floor
elseif floor then held = held + 1 end
return held`)

/** Lengthens a key's life to ARGV[1] milliseconds, never shortens it (PEXPIRE GT needs Redis 7). */
export const renewScript = script(`
local left = redis.call('PTTL', KEYS[1])
if left >= 0 and left < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return left`)

/**
 * Ends a generation and opens its windows in the same moment (`entriesOfRotation`); a tag without one opens none. ARGV: what
 * the keys of its windows begin with; the windows in milliseconds. Those keys lie in the slot of the tag.
 */
export const rotateWithWindowsScript = script(`
local generation = redis.call('GET', KEYS[1])
if not generation then return 0 end
for i = 2, #ARGV do redis.call('SET', ARGV[1] .. generation .. ':' .. ARGV[i], '', 'PX', ARGV[i]) end
return redis.call('DEL', KEYS[1])`)

const lineage = `
local info = redis.call('INFO', 'replication')
local id, offset = info:match('master_replid:(%w+)'), info:match('master_repl_offset:(%d+)')
if id ~= ARGV[1] then return redis.error_reply('LINEAGE this master holds another history than it did') end`

/** Writes a home anew. ARGV: the master's replication id; partition, cursor, partition, cursor, ... */
export const moveInScript = script(`${lineage}
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'id', id, 'offset', offset)
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 1`)

/** Moves cursors in a home. ARGV: as above. */
export const moveCursorsScript = script(`${lineage}
if redis.call('HGET', KEYS[1], 'id') ~= id then return redis.error_reply('LINEAGE this home is gone') end
redis.call('HSET', KEYS[1], 'offset', offset)
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 1`)

const ofHome = `
if redis.call('HGET', KEYS[1], 'home') ~= ARGV[1] then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'home', ARGV[1])
end`

/** Applied watermarks of a home; those of another are forgotten. ARGV: the home; partition, mark, partition, mark, ... */
export const noteAppliedScript = script(`${ofHome}
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 1`)

/** As above, but a mark that is there stays. */
export const expectAppliedScript = script(`${ofHome}
for i = 2, #ARGV, 2 do redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 1`)

export const scripts = [
  addTransactionsScript,
  openRecordScript,
  setFloorScript,
  pruneScript,
  renewScript,
  rotateWithWindowsScript,
  moveInScript,
  moveCursorsScript,
  noteAppliedScript,
  expectAppliedScript,
] as const
