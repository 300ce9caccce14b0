--- Options of a job that sets passwords: delivery, and what to do when a password does not work.

local time_options <const> = require "trunkhost.job.time_options"
local usage <const> = require "trunkhost.text.usage"

local secret_options <const> = {}

local DELIVER_SECONDS <const> = 60

--- Adds the options of delivery to a parser.
---@param parser table
---@return table command, table batch, table timeout
function secret_options.add_delivery(parser)
    return parser:option "--deliver" :argname "COMMAND"
            :description "Deliver each verified password: COMMAND runs in /bin/sh and reads one line of JSON.",
        parser:flag "--deliver-batch"
            :description "Run COMMAND once for the whole run; it reads one line per password.",
        parser:option "--deliver-timeout" :argname "TIME" :convert(time_options.span "--deliver-timeout")
            :default(DELIVER_SECONDS)
            :description "How long COMMAND may take after its last line. Default: 60s."
end

--- Adds all of them to a parser.
---@param parser table
function secret_options.add(parser)
    local command, batch, timeout = secret_options.add_delivery(parser)
    parser:group("New passwords", command, batch, timeout,
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
