#!lua
-- One change: all of it, or nothing where a guard does not hold any more.
--
-- ARGV: prefix, channel, entries that the log keeps, entries that the audit log keeps, then four parts, each with its length
-- in front: guards (name, what its value begins with or '' for none), writes (what, name, a, b), entries of the log (link,
-- entry, name of the record), entries of the audit log.
--
-- Answers {1, position of the first entry, link before it}, or {0} where a guard did not hold.
local prefix, channel, log_kept, audit_kept = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local at = 4
local function take()
  at = at + 1
  return ARGV[at]
end

for _ = 1, tonumber(take()) do
  local name, begins = prefix .. take(), take()
  if begins == '' then
    if redis.call('EXISTS', name) == 1 then return {0} end
  else
    local value = redis.call('GET', name)
    if not value or string.sub(value, 1, #begins) ~= begins then return {0} end
  end
end

local write = {
  set = function(name, value) redis.call('SET', name, value) end,
  keep = function(name, value, milliseconds) redis.call('SET', name, value, 'PX', milliseconds) end,
  del = function(name) redis.call('DEL', name) end,
  add = function(name, member) redis.call('ZADD', name, 0, member) end,
  rem = function(name, member) redis.call('ZREM', name, member) end,
  field = function(name, field, value) redis.call('HSET', name, field, value) end,
  unfield = function(name, field) redis.call('HDEL', name, field) end,
  count = function(name, field, by) redis.call('HINCRBY', name, field, by) end,
  -- A name in a queue of so many: the oldest beyond are forgotten, and what they name.
  queue = function(name, member, kept)
    local queued = redis.call('ZRANGE', name, -1, -1, 'WITHSCORES')
    redis.call('ZADD', name, (tonumber(queued[2]) or 0) + 1, member)
    while redis.call('ZCARD', name) > tonumber(kept) do
      redis.call('DEL', prefix .. redis.call('ZPOPMIN', name)[1])
    end
  end,
}
for _ = 1, tonumber(take()) do
  local what, name, a, b = take(), prefix .. take(), take(), take()
  write[what](name, a, b)
end

local head = redis.call('HMGET', prefix .. 'head', 'position', 'link')
local position, link = tonumber(head[1] or '0'), head[2] or '0'
local first, before_first = position + 1, link
local entries = tonumber(take())
for _ = 1, entries do
  local before = link
  link = take()
  local entry, name = take(), take()
  position = position + 1
  redis.call('XADD', prefix .. 'log', 'MAXLEN', '~', log_kept, string.format('%.0f-0', position),
    'b', before, 'l', link, 'e', entry, 'n', name)
  local record = redis.call('GET', prefix .. name)
  local used = false
  if string.sub(name, 1, 11) == 'credential:' then
    used = redis.call('HGET', prefix .. 'used', string.sub(name, 12))
  end
  local told = string.format('%.0f %s %s %s %d %d\n', position, before, link, used or '-', #entry, record and 1 or 0)
  redis.call('PUBLISH', channel, told .. entry .. (record or ''))
end
if entries > 0 then
  redis.call('HSET', prefix .. 'head', 'position', string.format('%.0f', position), 'link', link)
end

for _ = 1, tonumber(take()) do
  local number = redis.call('INCR', prefix .. 'audited')
  redis.call('XADD', prefix .. 'audit', 'MAXLEN', '~', audit_kept, string.format('%.0f-0', number), 'e', take())
end
return {1, first, before_first}
