--- A scripted HTTP/1.1 server in the program that tests: luv on the host's loop, so that it can do what no decent
--- server does, and so that tests and programs that they start can both ask it.

local trunkhost <const> = require "trunkhost"
local uv <const> = trunkhost.uv

local http_server <const> = {}
http_server.__index = http_server

---@class HttpServerRequest
---@field method string
---@field target string
---@field headers table<string, string>  lower-case names
---@field body string                    with `keep_bodies = false` of the server: only its length, as `size`
---@field size integer

---@class HttpServerReply
---@field status? integer      200
---@field headers? string[]    whole lines, "Name: value"
---@field body? string
---@field fill? integer        so many further bytes of body, made as they are sent
---@field cut? integer         closes after so many bytes of body
---@field raw? string          instead of all that
---@field close? boolean       closes the connection then
---@field drop? boolean        closes it without a word
---@field hold? boolean        says nothing

local PIECE <const> = ("x"):rep(64 * 1024)

local function shut(socket)
    if not socket:is_closing() then
        socket:close()
    end
end

--- Sends `left` bytes of filler, a piece when the one before is gone.
local function pour(socket, left, done)
    if left <= 0 or socket:is_closing() then
        done()
        return
    end
    local piece <const> = left < #PIECE and PIECE:sub(1, left) or PIECE
    socket:write(piece, function(err)
        if err then
            shut(socket)
        else
            pour(socket, left - #piece, done)
        end
    end)
end

local function answer(socket, reply, method)
    if not reply or reply.hold then
        return
    elseif reply.drop then
        shut(socket)
        return
    end
    local function over()
        if reply.close or reply.cut then
            shut(socket)
        end
    end
    if reply.raw then
        socket:write(reply.raw, over)
        return
    end
    local body <const>, fill <const> = reply.body or "", reply.fill or 0
    local lines <const> = { ("HTTP/1.1 %d Status"):format(reply.status or 200),
        ("Content-Length: %d"):format(#body + fill) }
    for _, line in ipairs(reply.headers or {}) do lines[#lines + 1] = line end
    local whole <const> = reply.cut and reply.cut < #body and body:sub(1, reply.cut) or body
    local head <const> = table.concat(lines, "\r\n") .. "\r\n\r\n"
    if method == "HEAD" then
        socket:write(head, over)
    else
        socket:write(head .. whole, function() pour(socket, math.min(fill, (reply.cut or fill) - #whole), over) end)
    end
end

--- The request that the text begins with, and what comes behind its head; nil while its head is not complete.
local function read_head(text)
    local head_end <const> = select(2, text:find("\r\n\r\n", 1, true))
    if not head_end then
        return nil
    end
    local method <const>, target <const> = text:match "^(%u+) (%S+) HTTP/1.1\r\n"
    local headers <const> = {}
    for name, value in text:sub(1, head_end):gmatch "\r\n([^:\r\n]+):[ ]*([^\r\n]*)" do
        headers[name:lower()] = value
    end
    return { method = method, target = target, headers = headers, parts = {}, size = 0 }, text:sub(head_end + 1)
end

local function serve(self, socket)
    local buffer, request = "", nil
    socket:read_start(function(err, data)
        if err or not data then
            shut(socket)
            return
        end
        buffer = buffer .. data
        while true do
            if not request then
                local rest
                request, rest = read_head(buffer)
                if not request then
                    return
                end
                buffer = rest
            end
            local left <const> = (tonumber(request.headers["content-length"]) or 0) - request.size
            local piece <const> = buffer:sub(1, left)
            buffer = buffer:sub(#piece + 1)
            request.size = request.size + #piece
            if self.keep_bodies ~= false then request.parts[#request.parts + 1] = piece end
            if #piece < left then
                return
            end
            request.body = table.concat(request.parts)
            self.requests[#self.requests + 1] = request
            answer(socket, self.handler(request, #self.requests), request.method)
            request = nil
        end
    end)
end

--- Starts one. The handler gets each request and how many there have been, and returns the reply.
---@param handler fun(request: HttpServerRequest, number: integer): HttpServerReply?
function http_server.start(handler)
    local self = setmetatable({ handler = handler, requests = {}, sockets = {}, connections = 0 }, http_server)
    self.listener = uv.new_tcp()
    assert(self.listener:bind("127.0.0.1", 0))
    assert(self.listener:listen(128, function()
        local socket <const> = uv.new_tcp()
        self.listener:accept(socket)
        self.connections = self.connections + 1
        self.sockets[#self.sockets + 1] = socket
        serve(self, socket)
    end))
    self.url = ("http://127.0.0.1:%d"):format(self.listener:getsockname().port)
    return self
end

--- Answers with these replies one after the other, and with the last one from then on.
---@param ... HttpServerReply
function http_server.script(...)
    local replies <const> = { ... }
    return http_server.start(function(_, number) return replies[math.min(number, #replies)] end)
end

function http_server:stop()
    shut(self.listener)
    for _, socket in ipairs(self.sockets) do shut(socket) end
end

http_server.__close = http_server.stop

return http_server
