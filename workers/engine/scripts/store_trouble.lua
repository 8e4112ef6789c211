-- The store failed: admit nothing for a while. It ends by itself. ARGV: 4 ms to hold back, 5 what is wrong.
redis.call('HSETNX', STORE, 'since', NOW)
redis.call('HSET', STORE, 'trouble', ARGV[5], 'until', NOW + tonumber(ARGV[4]))
redis.call('PEXPIRE', STORE, tonumber(ARGV[4]) + 5000)
return 1
