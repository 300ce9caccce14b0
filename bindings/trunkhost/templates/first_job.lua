--- Puts a word in front of what the trunks are called. A first job, to be changed into one of your own.
---
---     trunkhost --sandbox first_job.lua --account famulor --dry-run      shows what it would do, on a fake platform
---     trunkhost first_job.lua --account NAME --dry-run                   the same on your own; nothing is changed
---     trunkhost first_job.lua --account NAME --only ID                   one trunk, after a question

local trunkhost <const> = require "trunkhost"

-- The options of every job are there already (--account, --only, --match, --dry-run, --yes, …: see --help). These are
-- the ones of this script.
local parser <const> = trunkhost.options {
    description = "Puts a word in front of what the trunks are called.",
    epilog = [[
Examples:
  trunkhost --sandbox first_job.lua --account famulor --dry-run
  trunkhost first_job.lua --account famulor --word "[Berlin] " --match 'label=*Berlin*']],
}
parser:option "--word" :argname "TEXT" :default "[trunkhost] "
    :description "What to put there. Default: '[trunkhost] '."
local options <const> = parser:parse()

--- Says what is to be done with a trunk, and sends nothing. item.account is its account; item.trunk has the fields of
--- the platform, by its own names.
---@param item trunkhost.Item
---@return trunkhost.Plan
local function plan(item)
    local description <const> = item.account:describe()
    local field <const> = description.label -- the field that people know a trunk by: "nickname", "name", …
    local label <const> = field and item.trunk[field]
    if not label or label == trunkhost.null or label == "" then
        return { skip = "it has no name" }
    elseif label:sub(1, #options.word) == options.word then
        return { skip = "has it already" } -- so that the job can be run again
    end
    local most <const> = description.objects.trunk.fields[field].max
    if most and utf8.len(options.word .. label) > most then
        return { skip = ("its name would have more than %d characters"):format(most) }
    end
    return { changes = { [field] = options.word .. label } }
end

-- The engine shows the plan, asks, tries one trunk first, keeps to the rate limit, repeats what was lost, writes down
-- what became of each trunk, and reports. A run that was stopped goes on with --resume.
trunkhost.job.run { name = "first_job", options = options, plan = plan }
