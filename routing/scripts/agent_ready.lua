#!lua flags=allow-oom
-- End an agent's wrap-up or back-off before its time; without one nothing changes.
-- KEYS[1] root            hash-tagged name; every key of the routing group begins with it
-- ARGV[1] request_id      text, unique per operation; a repeated one gets the first reply and changes nothing
-- ARGV[2] agent_id        text
-- Reply  JSON {state}
-- Errors  UNKNOWN_AGENT when he is not signed in
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
  return fail('UNKNOWN_AGENT', agent_id)
end
if agent.state == 'wrap_up' or agent.state == 'back_off' then
  agent_free(agent_id, agent, now, now)
end
return reply(request_id, { state = agent.state })
