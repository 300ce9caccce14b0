--- Brings trunks to the state of a file that export_trunks.lua has written and somebody has edited. Only fields that
--- were edited are changed, and nothing is created or deleted. Knows no platform by name: what a field means there,
--- and whether it can be changed, follows from the mapping and the description of the provider.

local trunkhost <const> = require "trunkhost"
local apply <const> = require "trunkhost.apply"

local parser <const> = trunkhost.options {
    description = "Changes trunks to what a file says: the fields that were edited since export_trunks.lua wrote it, "
        .. "and nothing else. Trunks are neither created nor deleted.",
    epilog = [[
Examples:
  trunkhost export_trunks.lua --account famulor -o trunks.csv
      then edit trunks.csv
  trunkhost apply_trunks.lua trunks.csv --dry-run
      every changed field, before and after
  trunkhost apply_trunks.lua trunks.csv
  trunkhost apply_trunks.lua trunks.csv --grant inbound.sources
      allow lists may admit more senders
  trunkhost apply_trunks.lua --undo last
      put back what the last run has changed]],
    undo = true,
}
apply.add_options(parser)
local options <const> = apply.check_options(parser:parse())
local application <const> = apply.new(options)

trunkhost.job.run {
    name = "apply_trunks",
    options = options,
    items = function(account) return application:items(account) end,
    -- Everything is read, compared and worked out before the first request that changes something.
    check = function(items) application:prepare(items) end,
    plan = function(item) return application:plan(item) end,
    apply = function(item) return application:apply(item) end,
    verify = function(item, plan, applied) return application:verify(item, plan, applied) end,
    undo = apply.undo,
    view = application.view,
}
