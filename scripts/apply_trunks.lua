--- Applies the edits in a file that export_trunks.lua wrote. It changes only edited fields, and creates or deletes no
--- trunk. It knows no platform by name: the provider's mapping and description say what a field means there and
--- whether it can be changed.

local trunkhost <const> = require "trunkhost"
local apply <const> = require "trunkhost.apply"

local parser <const> = trunkhost.options {
    description = "Applies the edits in a file that export_trunks.lua wrote: changes the fields that were edited, "
        .. "and nothing else. Creates and deletes no trunks.",
    epilog = [[
Examples:
  trunkhost export_trunks.lua --account famulor -o trunks.csv
      write the file, then edit it
  trunkhost apply_trunks.lua trunks.csv --dry-run
      show every changed field, before and after
  trunkhost apply_trunks.lua trunks.csv
  trunkhost apply_trunks.lua trunks.csv --grant inbound.sources
      let allow lists admit more senders
  trunkhost apply_trunks.lua --undo last
      undo the last run]],
    undo = true,
}
apply.add_options(parser)
local options <const> = apply.check_options(parser:parse())
local application <const> = apply.new(options)

trunkhost.job.run {
    name = "apply_trunks",
    options = options,
    items = function(account) return application:items(account) end,
    -- Reads and compares everything before the first change is sent.
    check = function(items) application:prepare(items) end,
    plan = function(item) return application:plan(item) end,
    apply = function(item) return application:apply(item) end,
    verify = function(item, plan, applied) return application:verify(item, plan, applied) end,
    undo = apply.undo,
    view = application.view,
}
