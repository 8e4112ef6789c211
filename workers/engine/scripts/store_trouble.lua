-- The store failed: admit nothing for a while. It ends by itself. ARGV: 3 ms to hold back, 4 what is wrong.
redis.call('HSETNX', STORE, 'since', NOW)
redis.call('HSET', STORE, 'trouble', ARGV[4], 'until', NOW + tonumber(ARGV[3]))
redis.call('PEXPIRE', STORE, tonumber(ARGV[3]) + 5000)
return 1
