#!lua flags=allow-oom
-- Begin or end lending the agents of a project: relax steps marked with it count only meanwhile.
-- KEYS[1] root            hash-tagged name; every key of the routing group begins with it
-- ARGV[1] request_id      text, unique per operation; a repeated one gets the first reply and changes nothing
-- ARGV[2] project         text
-- ARGV[3] on              1 lends, 0 does not
-- Reply  JSON {changed}
-- Errors  none
-- @include clock
-- @include fit
local request_id, project, on = unpack(ARGV)
local seen = first_reply(request_id)
if seen then
  return seen
end

local now = now_ms()
local changed = redis.call(on == '1' and 'SADD' or 'SREM', key('lending'), project) == 1
if changed then
  refit('lend', project, now)
  event('lending', now, 'project', project, 'on', on)
end
return reply(request_id, { changed = changed })
