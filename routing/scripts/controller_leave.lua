#!lua flags=allow-oom
-- A controller stops: the next sweep treats it as dead and detaches what it still holds.
-- KEYS[1] root            hash-tagged name; every key of the routing group begins with it
-- ARGV[1] request_id      text, unique per operation; a repeated one gets the first reply and changes nothing
-- ARGV[2] controller      text
-- Reply  JSON {holds}: how many calls it still holds
-- Errors  none
-- @include clock
-- @include base
local request_id, controller = unpack(ARGV)
local seen = first_reply(request_id)
if seen then
  return seen
end

redis.call('ZADD', key('controllers'), 'XX', 0, controller)
event('controller_leaving', now_ms(), 'controller', controller)
return reply(request_id, { holds = redis.call('ZCARD', key('held', controller)) })
