-- A class says in its name all a decision needs to know of its calls (routing/keys.py has the grammar).
-- @include base

local POINT_MS = 60000 -- a point of priority, and a minute of waiting at ageing 1

-- {tier, priority, cap, ageing, bonuses, order, weight_ms}
local known_worth = {}
local function worth(class)
  local found = known_worth[class]
  if not found then
    local tier, priority, cap, ageing, bonuses, order, weight_ms =
      string.match(class, '@(%d+):(%-?%d+):(%d+):(%d+):([%d+,]*)/([%a_]+)(%d*)$')
    found = { tier = tonumber(tier), priority = tonumber(priority), cap = tonumber(cap) * POINT_MS,
      ageing = tonumber(ageing), bonuses = bonuses, order = order, weight_ms = tonumber(weight_ms) or 0 }
    known_worth[class] = found
  end
  return found
end

-- What a call that waited so long is worth, in points x POINT_MS; the tier comes before it.
local function value(of, waited_ms)
  local points = of.priority
  if of.bonuses ~= '' then
    for after_ms, bonus in string.gmatch(of.bonuses, '(%d+)%+(%d+)') do
      if waited_ms >= tonumber(after_ms) then
        points = of.priority + tonumber(bonus)
      end
    end
  end
  return math.min(of.cap, points * POINT_MS + of.ageing * waited_ms)
end

-- Calls of one line are told their place together: same needs, whatever their priority.
local function line_of(class)
  return string.match(class, '^(.*)@')
end

local ORDER_INDEX = { fewest_calls = 'n', least_talk = 't' }
local function index_of_order(of)
  return ORDER_INDEX[of.order] or 'i'
end
