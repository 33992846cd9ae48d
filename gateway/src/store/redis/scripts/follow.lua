#!lua flags=allow-oom
-- The log after a position, with the records as they are now.
--
-- ARGV: prefix, position, its link or '' to take the position at its word, how many. Answers {position and link of the head,
-- position of the oldest entry, or one after the head where there is none, 1 if the log leads on from there, then for each
-- entry: position, link before, link, entry, record, last use}.
local prefix, after, link, limit = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local log = prefix .. 'log'
local head = redis.call('HMGET', prefix .. 'head', 'position', 'link')
local position, newest = tonumber(head[1] or '0'), head[2] or '0'
local first = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
local oldest = first and tonumber(string.match(first[1], '^%d+')) or position + 1
local function is_known()
  if after > position or after + 1 < oldest then return false end
  if link == '' then return true end
  if after == position then return link == newest end
  local following = redis.call('XRANGE', log, string.format('%.0f-0', after + 1), string.format('%.0f-0', after + 1))[1]
  return following and following[2][2] == link
end
local leads = is_known()
local answer = {string.format('%.0f', position), newest, string.format('%.0f', oldest), leads and 1 or 0}
if not leads or after == position then return answer end
for _, entry in ipairs(redis.call('XRANGE', log, string.format('%.0f-0', after + 1), '+', 'COUNT', limit)) do
  local fields = entry[2]
  local name = fields[8]
  answer[#answer + 1] = string.match(entry[1], '^%d+')
  answer[#answer + 1] = fields[2]
  answer[#answer + 1] = fields[4]
  answer[#answer + 1] = fields[6]
  answer[#answer + 1] = redis.call('GET', prefix .. name)
  if string.sub(name, 1, 11) == 'credential:' then
    answer[#answer + 1] = redis.call('HGET', prefix .. 'used', string.sub(name, 12))
  else
    answer[#answer + 1] = false
  end
end
return answer
