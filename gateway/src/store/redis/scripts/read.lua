#!lua flags=allow-oom
-- Values of one moment. It is no read-only script, so that a server that takes no changes does not answer.
--
-- ARGV: prefix, then names. Answers {position, then for each name its value and, of a credential, its last use}.
local prefix = ARGV[1]
local answer = {redis.call('HGET', prefix .. 'head', 'position') or '0'}
for n = 2, #ARGV do
  local name = ARGV[n]
  answer[#answer + 1] = redis.call('GET', prefix .. name)
  if string.sub(name, 1, 11) == 'credential:' then
    answer[#answer + 1] = redis.call('HGET', prefix .. 'used', string.sub(name, 12))
  else
    answer[#answer + 1] = false
  end
end
return answer
