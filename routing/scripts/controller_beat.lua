#!lua flags=allow-oom
-- A controller lives; the streams are kept short. Tells it whether Redis came back empty and whether it had been given up for dead.
-- KEYS[1] root            hash-tagged name; every key of the routing group begins with it
-- ARGV[1] request_id      text, unique per operation; a repeated one gets the first reply and changes nothing
-- ARGV[2] controller      text
-- ARGV[3] epoch           random id that names this Redis's contents when none does yet
-- Reply  JSON {epoch, known}: the epoch in force; known is false when the controller was not on the list
-- Errors  none
-- @include clock
-- @include base
local request_id, controller, epoch = unpack(ARGV)
local seen = first_reply(request_id)
if seen then
  return seen
end

local now = now_ms()
redis.call('SET', key('epoch'), epoch, 'NX')
local added = redis.call('ZADD', key('controllers'), now, controller)
if added == 1 then
  event('controller_in', now, 'controller', controller)
end
redis.call('XTRIM', key('events'), 'MAXLEN', '~', 10000)
redis.call('XTRIM', key('offers', controller), 'MAXLEN', '~', 10000)
return reply(request_id, { epoch = redis.call('GET', key('epoch')), known = added == 0 })
