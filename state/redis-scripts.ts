// What runs inside Redis, as one step each. An entry is a string `endsAt:json`; beside the entries of a table stands one
// sorted set of their keys by their ends, by which a table is bounded and counted; it goes with the last of them. KEYS:
// the entry, that set.

/** What begins an entry: the end, by the clock of whoever wrote it. The store's own expiry comes later, see PX_MARGIN_MS. */
const LOOK = `
local kept = redis.call('GET', KEYS[1])
local ends = kept and tonumber(string.match(kept, '^(%d+):'))
if not ends or ends <= tonumber(ARGV[1]) then kept = false end
`;

/** ARGV: now, expected ('' for none), next ('' for none), its end, its expiry in ms, member, bound, most to evict, most to clear. */
export const SWAP = `${LOOK}
if (kept or '') ~= ARGV[2] then return {0, kept} end
if ARGV[3] == '' then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], ARGV[6])
  return {1}
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[5])
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[6])
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[5]) then redis.call('PEXPIRE', KEYS[2], ARGV[5]) end
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1], 'LIMIT', 0, ARGV[9])) do
  redis.call('DEL', KEYS[2] .. ':' .. member)
  redis.call('ZREM', KEYS[2], member)
end
if redis.call('ZCARD', KEYS[2]) > tonumber(ARGV[7]) then
  local gone = redis.call('ZPOPMIN', KEYS[2], ARGV[8])
  for at = 1, #gone, 2 do redis.call('DEL', KEYS[2] .. ':' .. gone[at]) end
end
return {1}
`;

/** ARGV: now, member. */
export const REMOVE = `${LOOK}
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
return kept and 1 or 0
`;
