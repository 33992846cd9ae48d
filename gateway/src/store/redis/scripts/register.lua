#!lua flags=allow-oom
-- The register at one moment. ARGV: prefix. Answers {now, position and link of the head, then instances and their entries}.
local prefix = ARGV[1]
local time = redis.call('TIME')
local head = redis.call('HMGET', prefix .. 'head', 'position', 'link')
local answer = {string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), head[1] or '0', head[2] or '0'}
for _, value in ipairs(redis.call('HGETALL', prefix .. 'replicas')) do answer[#answer + 1] = value end
return answer
