#!lua flags=allow-oom
-- End a call wherever it is: out of the line, its offer taken back, its agent into wrap-up or ready.
-- KEYS[1] root            hash-tagged name; every key of the routing group begins with it
-- ARGV[1] request_id      text, unique per operation; a repeated one gets the first reply and changes nothing
-- ARGV[2] call_id         text; an unknown call is no error
-- ARGV[3] outcome         abandoned, completed, or gone (its channel is no more)
-- ARGV[4] wrap_up         1 for the agent's wrap-up after a talk, 0 for none
-- ARGV[5] controller      abandoned: a call another controller took on is left alone
-- ARGV[6] node            gone: only calls of this Asterisk
-- ARGV[7] attached_ms     gone: only calls a controller took on before this time, '' for any
-- Reply  JSON {ended, outcome of the talk or wait}
-- Errors  none
-- @include clock
-- @include call
local request_id, call_id, outcome, wrap_up, controller, node, attached_ms = unpack(ARGV)
local seen = first_reply(request_id)
if seen then
  return seen
end

local now = now_ms()
local call = record('call', call_id)
local ours = call and (outcome == 'completed'
  or (outcome == 'abandoned' and (call.controller == controller or call.controller == ''))
  or (outcome == 'gone' and call.node == node and (attached_ms == '' or tonumber(call.attached_ms) < tonumber(attached_ms))))
if not ours then
  return reply(request_id, { ended = false })
end
local talked = call.state == 'bridged' or (call.state == 'offered' and outcome == 'completed')
call_forget(call_id, call, outcome, talked and wrap_up == '1', now)
return reply(request_id, { ended = true, outcome = outcome })
