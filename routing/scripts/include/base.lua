-- Names of keys, the reply stored under its request, records, events and errors: every script begins with these.

local root = KEYS[1]

local function key(kind, id)
  if id then
    return root .. ':' .. kind .. ':' .. id
  end
  return root .. ':' .. kind
end

-- Longer than any controller goes on repeating a request (router.py gives up after 2 s).
local REPLY_TTL_MS = 30000

local function first_reply(request_id)
  return redis.call('GET', key('reply', request_id))
end

local function reply(request_id, answer)
  local text = cjson.encode(answer)
  redis.call('SET', key('reply', request_id), text, 'PX', REPLY_TTL_MS)
  return text
end

local function fail(name, text)
  return redis.error_reply(name .. ' ' .. text)
end

-- The hash `kind:id` as a table, nil when there is none.
local function record(kind, id)
  local flat = redis.call('HGETALL', key(kind, id))
  if not flat[1] then
    return nil
  end
  local fields = {}
  for i = 1, #flat, 2 do
    fields[flat[i]] = flat[i + 1]
  end
  return fields
end

-- These fields of the hash `kind:id` as a table; what is absent is nil.
local function some(kind, id, names)
  local values, fields = redis.call('HMGET', key(kind, id), unpack(names)), {}
  for i, name in ipairs(names) do
    fields[name] = values[i] or nil
  end
  return fields
end

local function words(text)
  local list = {}
  for word in string.gmatch(text or '', '%S+') do
    list[#list + 1] = word
  end
  return list
end

-- Add `by` to a counter that is absent when zero.
local function count(hash, field, by)
  if redis.call('HINCRBY', key(hash), field, by) == 0 then
    redis.call('HDEL', key(hash), field)
  end
end

-- The heartbeat keeps the stream short (controller_beat.lua).
local function event(type, now, ...)
  redis.call('XADD', key('events'), '*', 'type', type, 'at_ms', now, ...)
end
