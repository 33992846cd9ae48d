#!lua flags=allow-oom
-- Members of an index in its order, with their records.
--
-- ARGV: prefix, index, 'up' or 'down', from and to (bounds of ZRANGE BYLEX), how many, what stands before an id in the name of
-- its record, how many bytes of a member stand before the id. Answers {member, record, last use} one after the other.
local prefix, index, way, from, to, limit, kind, skip = unpack(ARGV)
local members
if way == 'down' then
  members = redis.call('ZREVRANGEBYLEX', prefix .. index, from, to, 'LIMIT', 0, limit)
else
  members = redis.call('ZRANGEBYLEX', prefix .. index, from, to, 'LIMIT', 0, limit)
end
local answer = {}
for n, member in ipairs(members) do
  local id = string.sub(member, tonumber(skip) + 1)
  answer[3 * n - 2] = member
  answer[3 * n - 1] = redis.call('GET', prefix .. kind .. id)
  answer[3 * n] = kind == 'credential:' and redis.call('HGET', prefix .. 'used', id)
end
return answer
