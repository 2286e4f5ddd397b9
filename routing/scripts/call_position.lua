#!lua flags=no-writes
-- Tell the place of a call among those of the same need. Reads only.
-- KEYS[1] root            hash-tagged name; every key of the routing group begins with it
-- ARGV[1] call_id         text
-- Reply  JSON {state, position, waiting, agents_in, entered_ms, queue}
-- Errors  UNKNOWN_CALL
-- @include clock
-- @include place
local call_id = unpack(ARGV)
local call = record('call', call_id)
if not call then
  return fail('UNKNOWN_CALL', call_id)
end
local fit = fit_of(call.class)
return cjson.encode({ state = call.state, position = place(call_id, call, fit, now_ms()),
  waiting = waiting_in(call.class, fit),
  agents_in = agents_in(fit.g), entered_ms = tonumber(call.entered_ms), queue = call.queue })
