-- Time is Redis's own: controllers' clocks may differ. Tests load another file in place of this one (scripts.py),
-- so a script in production has no way to have its time moved.

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
