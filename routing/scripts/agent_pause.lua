#!lua flags=allow-oom
-- Pause an agent (no new calls; an offer or talk he has goes on), or end his pause: he gets the best waiting call, or
-- stands ready with his idle time beginning now.
-- KEYS[1] root            hash-tagged name; every key of the routing group begins with it
-- ARGV[1] request_id      text, unique per operation; a repeated one gets the first reply and changes nothing
-- ARGV[2] agent_id        text
-- ARGV[3] wish            pause, unpause or toggle
-- ARGV[4] pause_reason    text, shown to supervisors
-- Reply  JSON {paused, state}
-- Errors  UNKNOWN_AGENT when he is not signed in
-- @include clock
-- @include free
local request_id, agent_id, wish, pause_reason = unpack(ARGV)
local seen = first_reply(request_id)
if seen then
  return seen
end

local now = now_ms()
local agent = record('agent', agent_id)
if not agent or agent.status == 'out' then
  return fail('UNKNOWN_AGENT', agent_id)
end
local pause = wish == 'pause' or (wish == 'toggle' and agent.status == 'in')
if pause then
  if agent.status == 'in' then
    count('agents_in', agent.group, -1)
    ready_remove(agent_id, agent.group)
  end
  redis.call('HSET', key('agent', agent_id), 'status', 'paused', 'pause_reason', pause_reason)
  event('agent_paused', now, 'agent', agent_id, 'reason', pause_reason)
  release_held(agent_id, now)
elseif agent.status == 'paused' then
  agent.status = 'in'
  count('agents_in', agent.group, 1)
  redis.call('HSET', key('agent', agent_id), 'status', 'in')
  redis.call('HDEL', key('agent', agent_id), 'pause_reason', 'missed_reject', 'missed_busy', 'missed_no_answer',
    'missed_unreachable')
  event('agent_unpaused', now, 'agent', agent_id)
  if agent.state == 'ready' then
    agent_free(agent_id, agent, now, now)
  end
end
return reply(request_id, { paused = pause, state = agent.state })
