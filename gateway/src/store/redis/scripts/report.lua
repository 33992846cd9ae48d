#!lua flags=allow-oom
-- What a replica says of itself, and the head. A position is entered only if it is one of this log's history, and nothing if
-- the instance has said something later: that it may use facts for longer, perhaps.
--
-- ARGV: prefix, instance, applied position, its link, bound in milliseconds, number of the report, what it says, milliseconds that
-- one whose bound has passed is kept for. Answers {position, link} of the head.
local prefix, instance, applied, link, bound, number, said, kept = unpack(ARGV)
local replicas = prefix .. 'replicas'
local before = redis.call('HGET', replicas, instance)
local latest = before and tonumber(string.match(before, '^%d+ %d+ %d (%d+) '))
if latest and latest > tonumber(number) then return redis.error_reply('ERR a later report was entered before') end
local head = redis.call('HMGET', prefix .. 'head', 'position', 'link')
local position, newest = head[1] or '0', head[2] or '0'
local is_of_log = applied == position and link == newest
if not is_of_log then
  local entry = redis.call('XRANGE', prefix .. 'log', applied .. '-0', applied .. '-0')[1]
  is_of_log = entry and entry[2][4] == link
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local entry = string.format('%.0f %s %d %s ', now, bound, is_of_log and 1 or 0, number) .. said
redis.call('HSET', replicas, instance, entry)
-- Not at each report: there are many, and this looks at all.
if redis.call('SET', prefix .. 'swept', '', 'NX', 'PX', 5000) then
  local all = redis.call('HGETALL', replicas)
  for n = 1, #all, 2 do
    local at, its_bound = string.match(all[n + 1], '^(%d+) (%d+) ')
    if not at or now > tonumber(at) + tonumber(its_bound) + tonumber(kept) then redis.call('HDEL', replicas, all[n]) end
  end
end
return {position, newest}
