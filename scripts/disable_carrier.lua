--- Disables every trunk of one carrier on Bolna: it takes no new calls, and calls in progress continue.

local trunkhost <const> = require "trunkhost"

local parser <const> = trunkhost.options {
    description = "Disables every trunk of one carrier on Bolna. Calls in progress continue.",
    epilog = [[
Examples:
  trunkhost disable_carrier.lua --account bolna --carrier zadarma --dry-run
  trunkhost disable_carrier.lua --account bolna --carrier zadarma --canary 2
  trunkhost disable_carrier.lua --undo last
      enable what the last run disabled]],
    undo = true,
}
parser:option "--carrier" :argname "NAME" :count(1)
    :description "Value of the trunks' field 'provider': zadarma, twilio, telnyx, …"
local options <const> = parser:parse()

local function plan(item)
    local carrier = item.trunk.provider
    if type(carrier) ~= "string" or carrier:lower() ~= options.carrier:lower() then
        return { skip = "another carrier" }
    elseif item.trunk.is_active == false then
        return { skip = "already disabled" }
    end
    return { changes = { is_active = false } }
end

trunkhost.job.run { name = "disable_carrier", options = options, plan = plan, undo = true }
