-- What became of a notice. ARGV: 4 id, 5 in how many ms to try again, '' when it is delivered or given up.
if ARGV[5] == '' then
  redis.call('HDEL', NS .. ':notices', ARGV[4])
  redis.call('HDEL', NS .. ':notices:tries', ARGV[4])
  redis.call('ZREM', NS .. ':notices:due', ARGV[4])
else
  redis.call('ZADD', NS .. ':notices:due', 'XX', NOW + tonumber(ARGV[5]), ARGV[4])
end
return 1
