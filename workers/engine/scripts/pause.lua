-- Stop admitting to a provider. ARGV: 4 lane, 5 ms to wait (0: until someone resumes it), 6 kind, 7 reason.
local key = lane_key(ARGV[4])
local wait = tonumber(ARGV[5])
if wait > 0 then
  local known = tonumber(redis.call('HGET', key, 'not_before') or '0')
  if NOW + wait > known then redis.call('HSET', key, 'not_before', NOW + wait, 'slowed', ARGV[7]) end
else
  redis.call('HSET', key, 'paused', ARGV[7], 'paused_kind', ARGV[6])
end
return 1
