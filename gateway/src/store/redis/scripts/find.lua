#!lua flags=allow-oom
-- A credential by the digests that its secret may have, the current one first. It is no read-only script, so that a server
-- that takes no changes does not answer.
--
-- ARGV: prefix, then the names of the digests. Answers {position, which digest or 0, id, record, last use, and where it is not
-- the current digest, the pepper in force}.
local prefix = ARGV[1]
local position = redis.call('HGET', prefix .. 'head', 'position') or '0'
for n = 2, #ARGV do
  local id = redis.call('GET', prefix .. ARGV[n])
  if id then
    local record = redis.call('GET', prefix .. 'credential:' .. id)
    local used = redis.call('HGET', prefix .. 'used', id)
    return {position, n - 1, id, record, used, n > 2 and redis.call('GET', prefix .. 'pepper')}
  end
end
return {position, 0}
