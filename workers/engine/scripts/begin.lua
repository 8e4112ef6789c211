-- All that the store knows of a batch has been taken over: from now on its takes may be admitted. ARGV: 3 batch.
redis.call('HSET', batch_key(ARGV[3]), 'begun', 1)
return 1
