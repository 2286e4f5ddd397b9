#!lua flags=allow-oom
-- Sign an agent out: at once when no call occupies him, else when the call he has ends.
-- KEYS[1] root            hash-tagged name; every key of the routing group begins with it
-- ARGV[1] request_id      text, unique per operation; a repeated one gets the first reply and changes nothing
-- ARGV[2] agent_id        text; signing out who is not in is no error
-- Reply  JSON {gone}: whether he left at once
-- Errors  none
-- @include clock
-- @include free
local request_id, agent_id = unpack(ARGV)
local seen = first_reply(request_id)
if seen then
  return seen
end

local now = now_ms()
local agent = record('agent', agent_id)
if not agent then
  return reply(request_id, { gone = true })
end
if agent.status == 'in' then
  count('agents_in', agent.group, -1)
end
event('agent_signed_out', now, 'agent', agent_id)
if agent.call then
  redis.call('HSET', key('agent', agent_id), 'status', 'out')
  release_held(agent_id, now)
  return reply(request_id, { gone = false })
end
agent_remove(agent_id, agent, now)
release_held(agent_id, now)
return reply(request_id, { gone = true })
