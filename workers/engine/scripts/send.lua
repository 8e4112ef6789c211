-- The last look before money: is the take still this hand's, by a state that can be trusted? Its lease begins anew.
-- ARGV: 4 batch, 5 index, 6 fence, 7 lease (ms), 8 hand (a token, or ''). Returns 1, or 0 when nothing may be sent.
local batch, index = ARGV[4], ARGV[5]
local take = redis.call('HMGET', take_key(batch, index), 'state', 'fence', 'cancelling', 'again_since', 'hand')
-- Redis may have been emptied, or gone back, since the take was taken in hand.
if take[1] ~= 'submitting' or take[2] ~= ARGV[6] or not trusted(batch) then return 0 end
-- Fences come again when Redis goes back; a hand's token doesn't.
if ARGV[8] ~= '' and take[5] ~= ARGV[8] then return 0 end
-- The manifest asks for it no more.
if take[3] == 'withdrawn' and not (take[4] and wanted_again(batch, index)) then return 0 end
due_in(batch, index, tonumber(ARGV[7]))
return 1
