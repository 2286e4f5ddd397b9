-- What relax steps do when their time has come.
-- @include offer

local RING_BATCH = 40 -- calls looked at in one go

-- Offer the calls of the class they may take now, then set the timer for the next such time.
local function ring_open(class, now)
  redis.call('ZREM', key('due'), 'ring ' .. class)
  local fit, known = fit_of(class)
  if not known then
    return
  end
  local looked = redis.call('ZRANGE', key('w', class), 0, RING_BATCH - 1)
  local offered, stuck = 0, false
  for _, call_id in ipairs(looked) do
    local call = some('call', call_id, CALL_FIELDS)
    if offer_best(call_id, call, fit, 'relaxed:', now) then
      redis.call('ZREM', key('w', class), call_id)
      offered = offered + 1
    elseif not call.tried or call.tried == '' then
      stuck = true
      break
    end
  end
  if offered > 0 then
    head_refresh('w', class)
  end
  local again = #looked == RING_BATCH and offered > 0 and not stuck
  local due = again and now
  for _, delay in ipairs(again and {} or fit.d) do
    if delay > 0 then
      local next_call = redis.call('ZRANGE', key('w', class), '(' .. (now - delay), '+inf', 'BYSCORE', 'LIMIT', 0, 1,
        'WITHSCORES')
      local opens = next_call[1] and next_call[2] + delay
      due = (opens and (not due or opens < due)) and opens or due
    end
  end
  if due then
    redis.call('ZADD', key('due'), due, 'ring ' .. class)
  end
end
