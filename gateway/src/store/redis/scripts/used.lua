#!lua
-- When credentials were used last; a time never moves back. ARGV: prefix, then ids and times.
local prefix = ARGV[1]
local used = prefix .. 'used'
for n = 2, #ARGV, 2 do
  local id, time = ARGV[n], ARGV[n + 1]
  if redis.call('EXISTS', prefix .. 'credential:' .. id) == 1 then
    local before = redis.call('HGET', used, id)
    if not before or tonumber(before) < tonumber(time) then redis.call('HSET', used, id, time) end
  end
end
return {}
