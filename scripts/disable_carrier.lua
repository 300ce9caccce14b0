--- Disables every trunk of one carrier on Bolna: no calls are placed over it any more, running ones go on.

local trunkhost <const> = require "trunkhost"

local parser <const> = trunkhost.options {
    description = "Disables every trunk of one carrier on Bolna. Running calls go on.",
    epilog = [[
Examples:
  trunkhost disable_carrier.lua --account bolna --carrier zadarma --dry-run
  trunkhost disable_carrier.lua --account bolna --carrier zadarma --canary 2
  trunkhost disable_carrier.lua --undo last
      switch on again what the last run has switched off]],
    undo = true,
}
parser:option "--carrier" :argname "NAME" :count(1)
    :description "As the trunks' field 'provider' has it: zadarma, twilio, telnyx, …"
local options <const> = parser:parse()

local function plan(item)
    local carrier = item.trunk.provider
    if type(carrier) ~= "string" or carrier:lower() ~= options.carrier:lower() then
        return { skip = "another carrier" }
    elseif item.trunk.is_active == false then
        return { skip = "disabled already" }
    end
    return { changes = { is_active = false } }
end

trunkhost.job.run { name = "disable_carrier", options = options, plan = plan, undo = true }
