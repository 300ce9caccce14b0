--- Moves trunks to another account, of the same or of another platform. What would be lost stops a trunk before
--- anything is created; what was begun is gone on with and never made twice. Knows no platform by name: what a trunk
--- becomes follows from the mappings of the two providers.

local trunkhost <const> = require "trunkhost"
local migrate <const> = require "trunkhost.migrate"

local parser <const> = trunkhost.options {
    description = "Moves trunks to another account. Nothing is lost unless it is allowed by name, and the source stays "
        .. "as it is unless --retire says otherwise.",
    epilog = [[
Examples:
  trunkhost migrate_trunks.lua --from famulor --to autocalls --dry-run
      what becomes of every field, and what stops a trunk
  trunkhost migrate_trunks.lua --from famulor --to autocalls --secrets generate
  trunkhost migrate_trunks.lua --from famulor --to vatel --secrets generate \
      --set vendor=generic --set registration.enabled=yes \
      --set agent_ref=AGENT \
      --allow-loss label,calling_format,country,fixed_source_ip
  trunkhost migrate_trunks.lua --from bolna --to bolna_trunk --secrets file \
      --supply trunks.csv --retire deactivate
  trunkhost migrate_trunks.lua --undo last
      take back what the last run has created
  trunkhost --sandbox migrate_trunks.lua --from famulor --to autocalls \
      --secrets generate
      try it on fake platforms]],
}
migrate.add_options(parser)
local options <const> = migrate.check_options(parser:parse())
if options.undo then
    trunkhost.job.run(migrate.undo(options))
    return
end
local migration <const> = migrate.new(options)

trunkhost.job.run {
    name = "migrate_trunks",
    options = options,
    -- Everything is read, mapped and compared before the first trunk is created.
    check = function(items) migration:prepare(items) end,
    plan = function(item) return migration:plan(item) end,
    apply = function(item) return migration:apply(item) end,
    verify = function(item) return migration:verify(item) end,
    view = migration.view,
}
migration:write_mapping()
