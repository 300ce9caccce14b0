--- Writes the trunks of accounts to a file, in the neutral form that is the same for every platform, with their
--- numbers, gateways, addresses and agents. It holds no passwords, because no platform returns them. Edit the file;
--- apply_trunks.lua applies the edits.

local trunkhost <const> = require "trunkhost"
local export <const> = require "trunkhost.export"

local parser <const> = trunkhost.options {
    description = "Writes trunks to a file. Edit it, then apply the edits with apply_trunks.lua.",
    job = false,
    quiet = "Print only errors.",
    epilog = [[
Examples:
  trunkhost export_trunks.lua --account famulor -o trunks.csv
  trunkhost export_trunks.lua --account all -o trunks.jsonl
  trunkhost export_trunks.lua --account bolna --match 'label=Berlin*' \
      | jq .numbers]],
}
export.add_options(parser)
local options <const> = export.check_options(parser:parse())
export.write(options, export.read(options))
