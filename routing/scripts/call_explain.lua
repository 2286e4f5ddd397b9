#!lua flags=no-writes
-- Read at one moment all that decides over a call: its record, the fit of its class, every agent. Reads only.
-- KEYS[1] root            hash-tagged name; every key of the routing group begins with it
-- ARGV[1] call_id         text
-- Reply  JSON {now_ms, call, fit, lending, position, waiting, agents}: call and agents as records, agents by id
-- Errors  UNKNOWN_CALL
-- @include clock
-- @include place
local call_id = unpack(ARGV)
local call = record('call', call_id)
if not call then
  return fail('UNKNOWN_CALL', call_id)
end
local now = now_ms()
local agents = {}
for _, agent_id in ipairs(redis.call('SMEMBERS', key('agents'))) do
  agents[agent_id] = record('agent', agent_id)
end
local fit = fit_of(call.class)
return cjson.encode({ now_ms = now, call = call, fit = fit, position = place(call_id, call, fit, now),
  waiting = waiting_in(call.class, fit),
  lending = redis.call('SMEMBERS', key('lending')), agents = agents })
