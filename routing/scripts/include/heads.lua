-- The two indexes and their heads: `w:<class>` waiting calls by score, `i:<group>` ready agents by idle-since.
-- A hash beside each (`heads:w`, `heads:i`) holds "score id" of every first member, so a decision is one HMGET.
-- @include base
-- @include fit

local function head_refresh(index, name)
  local first = redis.call('ZRANGE', key(index, name), 0, 0, 'WITHSCORES')
  if first[1] then
    redis.call('HSET', key('heads', index), name, first[2] .. ' ' .. first[1])
  else
    redis.call('HDEL', key('heads', index), name)
  end
end

local function index_add(index, name, score, id)
  redis.call('ZADD', key(index, name), score, id)
  head_refresh(index, name)
end

local function index_remove(index, name, id)
  if redis.call('ZREM', key(index, name), id) == 1 then
    head_refresh(index, name)
  end
end

-- The least (score, id) over the heads of `names`; nil when all are empty.
local function best_head(index, names)
  if not names[1] then
    return nil
  end
  local best_score, best_id
  for _, head in ipairs(redis.call('HMGET', key('heads', index), unpack(names))) do
    if head then
      local score, id = string.match(head, '^(%S+) (.*)$')
      score = tonumber(score)
      if not best_id or score < best_score or (score == best_score and id < best_id) then
        best_score, best_id = score, id
      end
    end
  end
  return best_id
end

-- The best waiting call over all classes a group fits.
local function best_call(group)
  return best_head('w', words(redis.call('HGET', key('groups'), group)))
end

-- The ready agent of `groups` idle longest. Agents in `tried` (oldest first) come after all others, and
-- among themselves in the order they were tried.
local function best_agent(groups, tried)
  if not tried[1] then
    return best_head('i', groups)
  end
  local turn = {}
  for i, id in ipairs(tried) do
    turn[id] = i
  end
  local best_score, best_id, again
  for _, group in ipairs(groups) do
    local ready = redis.call('ZRANGE', key('i', group), 0, #tried, 'WITHSCORES')
    for i = 1, #ready, 2 do
      local id, score = ready[i], tonumber(ready[i + 1])
      if turn[id] then
        if not again or turn[id] < turn[again] then
          again = id
        end
      elseif not best_id or score < best_score or (score == best_score and id < best_id) then
        best_score, best_id = score, id
      end
    end
  end
  return best_id or again
end
