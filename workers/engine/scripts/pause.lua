-- Stop admitting to a provider. ARGV: 3 lane, 4 ms to wait (0: until someone resumes it), 5 kind, 6 reason.
local key = lane_key(ARGV[3])
local wait = tonumber(ARGV[4])
if wait > 0 then
  local known = tonumber(redis.call('HGET', key, 'not_before') or '0')
  if NOW + wait > known then redis.call('HSET', key, 'not_before', NOW + wait, 'slowed', ARGV[6]) end
else
  redis.call('HSET', key, 'paused', ARGV[6], 'paused_kind', ARGV[5])
end
return 1
