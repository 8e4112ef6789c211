-- Set what Redis believes of finished takes to what the store holds. ARGV: 3 batch, 4 the bit (1: done), 5... indices.
for i = 5, #ARGV do redis.call('SETBIT', batch_key(ARGV[3], 'done'), ARGV[i], ARGV[4]) end
return #ARGV - 4
