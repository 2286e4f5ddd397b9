-- The indexes and their heads: waiting calls by entry time, w:<class> and w:+<agent> (held for him); ready agents by
-- idle-since, i:<group>, and where a class orders so by calls taken, n:<group>, and time talked, t:<group>.
-- A hash beside each kind (heads:w, :i, :n, :t) holds "score id" of every first member, so a decision is one HMGET.
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

local function split_head(head)
  local cut = string.find(head, ' ', 1, true)
  return tonumber(string.sub(head, 1, cut - 1)), string.sub(head, cut + 1)
end

local function index_add(index, name, score, id)
  redis.call('ZADD', key(index, name), score, id)
  local head = redis.call('HGET', key('heads', index), name)
  if head then
    local first, first_id = split_head(head)
    score = tonumber(score)
    if score > first or (score == first and id > first_id) then
      return
    end
  end
  redis.call('HSET', key('heads', index), name, score .. ' ' .. id)
end

local function index_remove(index, name, id)
  if redis.call('ZREM', key(index, name), id) == 1 then
    local _, first_id = split_head(redis.call('HGET', key('heads', index), name))
    if first_id == id then
      head_refresh(index, name)
    end
  end
end

local function ready_add(agent_id, agent)
  local group = agent.group
  index_add('i', group, agent.idle_since_ms, agent_id)
  local others = read_fit('groups', group).x
  if others ~= '' then
    if string.find(others, 'n', 1, true) then
      index_add('n', group, tonumber(agent.calls) or 0, agent_id)
    end
    if string.find(others, 't', 1, true) then
      index_add('t', group, tonumber(agent.talk_ms) or 0, agent_id)
    end
  end
end

local function ready_remove(agent_id, group)
  index_remove('i', group, agent_id)
  if redis.call('EXISTS', key('heads', 'n'), key('heads', 't')) > 0 then
    index_remove('n', group, agent_id)
    index_remove('t', group, agent_id)
  end
end
