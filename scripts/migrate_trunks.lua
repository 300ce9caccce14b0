--- Copies trunks to another account, on the same platform or another one. A trunk that would lose a field is blocked
--- before anything is created. A trunk whose copy was begun is resumed, and never created twice. The script knows no
--- platform by name: the mappings of the two providers say what a trunk becomes.

local trunkhost <const> = require "trunkhost"
local migrate <const> = require "trunkhost.migrate"

local parser <const> = trunkhost.options {
    description = "Copies trunks to another account. A trunk that would lose a field is blocked, unless --allow-loss "
        .. "names the field. The source trunks stay as they are, unless --retire says otherwise.",
    epilog = [[
Examples:
  trunkhost migrate_trunks.lua --from famulor --to autocalls --dry-run
      show what becomes of every field, and which trunks are blocked
  trunkhost migrate_trunks.lua --from famulor --to autocalls --secrets generate
  trunkhost migrate_trunks.lua --from famulor --to vatel --secrets generate \
      --set vendor=generic --set registration.enabled=yes \
      --set agent_ref=AGENT \
      --allow-loss label,calling_format,country,fixed_source_ip
  trunkhost migrate_trunks.lua --from bolna --to bolna_trunk --secrets file \
      --supply trunks.csv --retire deactivate
  trunkhost migrate_trunks.lua --undo last
      undo the last run
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
    -- Reads, maps and compares everything before the first trunk is created.
    check = function(items) migration:prepare(items) end,
    plan = function(item) return migration:plan(item) end,
    apply = function(item) return migration:apply(item) end,
    verify = function(item) return migration:verify(item) end,
    view = migration.view,
}
migration:write_mapping()
