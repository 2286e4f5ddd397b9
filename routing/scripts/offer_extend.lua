#!lua flags=allow-oom
-- The controller needs longer before the agent's phone rings (a call-back: the caller is dialled first): the deadline
-- of a taken offer becomes now and so much. A controller that dies is noticed by its heartbeat, whatever the deadline.
-- KEYS[1] root            hash-tagged name; every key of the routing group begins with it
-- ARGV[1] request_id      text, unique per operation; a repeated one gets the first reply and changes nothing
-- ARGV[2] call_id         text
-- ARGV[3] token           the offer's
-- ARGV[4] lease_ms        from now until the offer goes back
-- Reply  JSON {deadline_ms}
-- Errors  STALE_OFFER when the call has no offer with this token, or nobody took it
-- @include clock
-- @include base
local request_id, call_id, token, lease_ms = unpack(ARGV)
local seen = first_reply(request_id)
if seen then
  return seen
end

local now = now_ms()
local call = record('call', call_id)
if not call or call.state ~= 'offered' or call.token ~= token or call.taken ~= '1' then
  return fail('STALE_OFFER', call_id .. ' ' .. token)
end
local deadline_ms = now + tonumber(lease_ms)
redis.call('HSET', key('call', call_id), 'deadline_ms', deadline_ms)
redis.call('ZADD', key('due'), deadline_ms, 'offer ' .. call_id)
return reply(request_id, { deadline_ms = deadline_ms })
