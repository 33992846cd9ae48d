#!lua
-- Puts records that were signed anew in the place of those that are as they were read; what is forgotten after a while still is.
--
-- ARGV: prefix, then name, what its value begins with, and the new value, one after the other. Answers how many were replaced.
local prefix, renewed = ARGV[1], 0
for n = 2, #ARGV, 3 do
  local name, begins = prefix .. ARGV[n], ARGV[n + 1]
  local value = redis.call('GET', name)
  if value and string.sub(value, 1, #begins) == begins then
    redis.call('SET', name, ARGV[n + 2], 'KEEPTTL')
    renewed = renewed + 1
  end
end
return {renewed}
