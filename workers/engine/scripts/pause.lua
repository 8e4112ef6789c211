-- Stop admitting to a provider. ARGV: 4 lane, 5 ms to wait (0: until someone resumes it), 6 kind, 7 reason.
local key = lane_key(ARGV[4])
local wait = tonumber(ARGV[5])
if wait > 0 then
  hold_back(ARGV[4], wait, ARGV[7])
else
  redis.call('HSET', key, 'paused', ARGV[7], 'paused_kind', ARGV[6])
end
return 1
