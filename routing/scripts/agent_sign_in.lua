#!lua
-- Sign an agent in, or renew the profile of one who is in: status in, ready unless a call or a rest occupies him. With
-- mode update only the profile of one who is signed in changes: his status, pause and unanswered calls stay.
-- KEYS[1] root            hash-tagged name; every key of the routing group begins with it
-- ARGV[1] request_id      text, unique per operation; a repeated one gets the first reply and changes nothing
-- ARGV[2] agent_id        text
-- ARGV[3] group           his skills, skill=level sorted and joined by commas, "-" for none
-- ARGV[4] endpoint        text, what the controller dials
-- ARGV[5] name            text
-- ARGV[6] language        text
-- ARGV[7] ring_ms         how long his phone rings
-- ARGV[8] wrap_up_ms      rest after a talk
-- ARGV[9] mode            sign_in or update
-- Reply  JSON {state, new}: his state, and whether he was not signed in before
-- Errors  UNKNOWN_AGENT when an update is for one who is not signed in
-- @include clock
-- @include free
local request_id, agent_id, group, endpoint, name, language, ring_ms, wrap_up_ms, mode = unpack(ARGV)
local seen = first_reply(request_id)
if seen then
  return seen
end

local now = now_ms()
local agent = record('agent', agent_id)
if mode == 'update' and (not agent or agent.status == 'out') then
  return fail('UNKNOWN_AGENT', agent_id)
end
local new = not agent
local was = agent or { status = 'out', state = 'ready' }
local status = mode == 'update' and was.status or 'in'
local moves = was.group ~= group
if was.state == 'ready' and was.status == 'in' then
  ready_remove(agent_id, was.group)
end
if was.status == 'in' then
  count('agents_in', was.group, -1)
end
if status == 'in' then
  count('agents_in', group, 1)
end
redis.call('HSET', key('agent', agent_id), 'group', group, 'endpoint', endpoint, 'name', name, 'language', language,
  'ring_ms', ring_ms, 'wrap_up_ms', wrap_up_ms, 'status', status)
if new then
  refit('join', group, now)
  redis.call('SADD', key('agents'), agent_id)
elseif moves then
  refit('join', group, now)
  refit('leave', was.group, now)
end
if mode == 'sign_in' then
  redis.call('HDEL', key('agent', agent_id), 'pause_reason', 'missed_reject', 'missed_busy', 'missed_no_answer',
    'missed_unreachable')
  event('agent_signed_in', now, 'agent', agent_id, 'group', group)
else
  event('agent_updated', now, 'agent', agent_id, 'group', group)
end
was.group, was.status, was.wrap_up_ms = group, status, wrap_up_ms
if moves and not new then
  release_held(agent_id, now)
end
if was.state == 'ready' and status == 'in' then
  agent_free(agent_id, was, now, was.idle_since_ms or now)
end
return reply(request_id, { state = was.state, new = new })
