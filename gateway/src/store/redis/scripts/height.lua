#!lua flags=allow-oom
-- How many steps lie below a resource, counted no further than asked for.
--
-- ARGV: prefix, what stands before an id in the name of the index of its children, id, the most.
local index = ARGV[1] .. ARGV[2]
local level, height = {ARGV[3]}, 0
while height <= tonumber(ARGV[4]) do
  local below = {}
  for _, id in ipairs(level) do
    for _, child in ipairs(redis.call('ZRANGE', index .. id, 0, -1)) do below[#below + 1] = child end
  end
  if #below == 0 then break end
  level, height = below, height + 1
end
return {height}
