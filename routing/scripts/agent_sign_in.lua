#!lua
-- Sign an agent in, or renew the profile of one who is in: status in, ready unless a call or a rest occupies him.
-- KEYS[1] root            hash-tagged name; every key of the routing group begins with it
-- ARGV[1] request_id      text, unique per operation; a repeated one gets the first reply and changes nothing
-- ARGV[2] agent_id        text
-- ARGV[3] group           his skills, skill=level sorted and joined by commas, "-" for none
-- ARGV[4] endpoint        text, what the controller dials
-- ARGV[5] name            text
-- ARGV[6] language        text
-- ARGV[7] ring_ms         how long his phone rings
-- ARGV[8] wrap_up_ms      rest after a talk
-- Reply  JSON {state, new}: his state, and whether he was not signed in before
-- Errors  none
-- @include clock
-- @include offer
local request_id, agent_id, group, endpoint, name, language, ring_ms, wrap_up_ms = unpack(ARGV)
local seen = first_reply(request_id)
if seen then
  return seen
end

local now = now_ms()
local agent = record('agent', agent_id)
local new = not agent
local was = agent or { status = 'out', state = 'ready' }
if not new and was.state == 'ready' and was.status == 'in' then
  index_remove('i', was.group, agent_id)
end
if was.status == 'in' and was.group ~= group then
  count('agents_in', was.group, -1)
end
if was.status ~= 'in' or was.group ~= group then
  count('agents_in', group, 1)
end
if new then
  group_join(group)
  redis.call('SADD', key('agents'), agent_id)
elseif was.group ~= group then
  group_leave(was.group)
  group_join(group)
end
redis.call('HSET', key('agent', agent_id), 'group', group, 'endpoint', endpoint, 'name', name, 'language', language,
  'ring_ms', ring_ms, 'wrap_up_ms', wrap_up_ms, 'status', 'in')
redis.call('HDEL', key('agent', agent_id), 'pause_reason', 'missed_reject', 'missed_busy', 'missed_no_answer',
  'missed_unreachable')
event('agent_signed_in', now, 'agent', agent_id, 'group', group)
was.group, was.status, was.wrap_up_ms = group, 'in', wrap_up_ms
if was.state == 'ready' then
  agent_free(agent_id, was, now, was.idle_since_ms or now)
end
return reply(request_id, { state = was.state, new = new })
