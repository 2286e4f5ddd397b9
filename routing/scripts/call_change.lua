#!lua
-- Move a call to another queue, need or priority; it keeps its entry time. One that waits is placed anew at once; one
-- that is offered goes by the new class when the offer fails; one that talks stays as it is.
-- KEYS[1] root            hash-tagged name; every key of the routing group begins with it
-- ARGV[1] request_id      text, unique per operation; a repeated one gets the first reply and changes nothing
-- ARGV[2] call_id         text
-- ARGV[3] queue           text
-- ARGV[4] class           its plan, priority and emergency (routing/keys.py)
-- Reply  JSON {state, agents_in, entered_ms, position when waiting, token when offered}
-- Errors  UNKNOWN_CALL
-- @include clock
-- @include free
-- @include place
local request_id, call_id, queue, class = unpack(ARGV)
local seen = first_reply(request_id)
if seen then
  return seen
end

local now = now_ms()
local call = record('call', call_id)
if not call then
  return fail('UNKNOWN_CALL', call_id)
end
if call.state ~= 'bridged' then
  if call.state == 'waiting' then
    line_remove(call_id, call)
  end
  if call.queue ~= queue then
    count('queue_size', call.queue, -1)
    count('queue_size', queue, 1)
  end
  call.queue, call.class = queue, class
  redis.call('HSET', key('call', call_id), 'queue', queue, 'class', class)
  event('changed', now, 'call', call_id, 'queue', queue, 'class', class, 'state', call.state)
  if call.state == 'waiting' then
    call_place(call_id, call, now)
  end
end
return reply(request_id, placement(call_id, call, now))
