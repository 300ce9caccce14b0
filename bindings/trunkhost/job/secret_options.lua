--- Options of a job that sets passwords: delivery, and what to do when a password does not work.

local duration <const> = require "trunkhost.duration"
local usage <const> = require "trunkhost.text.usage"

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
            :description "Deliver each verified password: COMMAND runs in /bin/sh and reads one line of JSON.",
        parser:flag "--deliver-batch"
            :description "Run COMMAND once for the whole run; it reads one line per password.",
        parser:option "--deliver-timeout" :argname "TIME" :convert(span "--deliver-timeout") :default(DELIVER_SECONDS)
            :description "How long COMMAND may take after its last line. Default: 60s.",
        parser:flag "--rotate-undelivered"
            :description "Rotate a password that was never delivered. Default: deliver it, and leave the trunk \z
                as it is.",
        parser:flag "--restore-on-failure"
            :description "Set the old password again if the carrier refuses the new one, where the platform reports \z
                that.")
end

--- Refuses options that contradict each other.
---@param chosen trunkhost.Options
function secret_options.check(chosen)
    if chosen.deliver and not chosen.deliver:find "%S" then
        usage.fail "--deliver: the command is empty"
    end
    for _, name in ipairs { "deliver_batch", "rotate_undelivered" } do
        if chosen[name] and not chosen.deliver then
            usage.fail("--%s needs --deliver COMMAND", (name:gsub("_", "-")))
        end
    end
end

return secret_options
