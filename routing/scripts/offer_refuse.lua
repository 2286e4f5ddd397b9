#!lua flags=allow-oom
-- The agent did not take the call: it keeps its place and is offered to the next; the agent backs off.
-- KEYS[1] root            hash-tagged name; every key of the routing group begins with it
-- ARGV[1] request_id      text, unique per operation; a repeated one gets the first reply and changes nothing
-- ARGV[2] call_id         text
-- ARGV[3] token           the offer's
-- ARGV[4] cause           reject, busy, no_answer or unreachable
-- ARGV[5] back_off_ms     how long this agent gets no call
-- ARGV[6] pause_after     pause him after so many of this cause in a row, 0 for never
-- Reply  JSON {state, agents_in, entered_ms, position when waiting, token when offered}
-- Errors  STALE_OFFER when the call has no offer with this token
-- @include clock
-- @include free
-- @include place
local request_id, call_id, token, cause, back_off_ms, pause_after = unpack(ARGV)
local seen = first_reply(request_id)
if seen then
  return seen
end

local now = now_ms()
local call = record('call', call_id)
if not call or call.state ~= 'offered' or call.token ~= token then
  return fail('STALE_OFFER', call_id .. ' ' .. token)
end
offer_return(call_id, call, cause, tonumber(back_off_ms), tonumber(pause_after), now)
return reply(request_id, placement(call_id, record('call', call_id), now))
