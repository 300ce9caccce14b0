--- Options of a job that sets passwords: who is told of them, and what happens when one does not work.

local duration <const> = require "trunkhost.duration"
local options <const> = require "trunkhost.options"

local secret_options <const> = {}

local DELIVER_SECONDS <const> = 60

local function span(name)
    return function(text)
        local seconds, problem = duration.parse(text)
        return seconds, problem and name .. ": " .. problem
    end
end

--- Adds them to a parser.
---@param parser table
function secret_options.add(parser)
    parser:group("New passwords",
        parser:option "--deliver" :argname "COMMAND"
            :description "Hand each proven password on: COMMAND runs in /bin/sh and reads it as a line of JSON.",
        parser:flag "--deliver-batch"
            :description "One COMMAND for the whole run, which reads a line for each password.",
        parser:option "--deliver-timeout" :argname "TIME" :convert(span "--deliver-timeout") :default(DELIVER_SECONDS)
            :description "How long it may take after its last line. Default 60s.",
        parser:flag "--rotate-undelivered"
            :description "A password that was not handed on yet is replaced. Default: it is handed on, and the trunk \z
                is not changed.",
        parser:flag "--restore-on-failure"
            :description "Put the old password back when the carrier refuses the new one, where the platform tells.")
end

--- What does not fit together.
---@param chosen trunkhost.Options
function secret_options.check(chosen)
    if chosen.deliver and not chosen.deliver:find "%S" then
        options.fail "--deliver: the command is empty"
    end
    for _, name in ipairs { "deliver_batch", "rotate_undelivered" } do
        if chosen[name] and not chosen.deliver then
            options.fail("--%s has a meaning only with --deliver COMMAND", (name:gsub("_", "-")))
        end
    end
end

return secret_options
