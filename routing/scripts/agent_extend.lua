#!lua flags=allow-oom
-- Let an agent's wrap-up last longer; without one nothing changes.
-- KEYS[1] root            hash-tagged name; every key of the routing group begins with it
-- ARGV[1] request_id      text, unique per operation; a repeated one gets the first reply and changes nothing
-- ARGV[2] agent_id        text
-- ARGV[3] extra_ms        milliseconds added to its end
-- Reply  JSON {state, until_ms when he rests}
-- Errors  UNKNOWN_AGENT when he is not signed in
-- @include clock
-- @include base
local request_id, agent_id, extra_ms = unpack(ARGV)
local seen = first_reply(request_id)
if seen then
  return seen
end

local agent = record('agent', agent_id)
if not agent then
  return fail('UNKNOWN_AGENT', agent_id)
end
if agent.state == 'wrap_up' then
  agent.until_ms = agent.until_ms + extra_ms
  redis.call('HSET', key('agent', agent_id), 'until_ms', agent.until_ms)
  redis.call('ZADD', key('due'), agent.until_ms, 'agent ' .. agent_id)
  event('agent_wrap_up', now_ms(), 'agent', agent_id, 'until_ms', agent.until_ms)
end
return reply(request_id, { state = agent.state, until_ms = tonumber(agent.until_ms) })
