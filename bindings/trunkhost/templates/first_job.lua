--- Puts a word in front of the names of trunks. A first job: change it into your own.
---
---     trunkhost --sandbox first_job.lua --account famulor --dry-run      show what it would do, on a fake platform
---     trunkhost first_job.lua --account NAME --dry-run                   the same on your account; nothing changes
---     trunkhost first_job.lua --account NAME --only ID                   change one trunk, after asking

local trunkhost <const> = require "trunkhost"

-- Every job has standard options (--account, --only, --match, --dry-run, --yes, …: see --help). These are the script's
-- own.
local parser <const> = trunkhost.options {
    description = "Puts a word in front of the names of trunks.",
    epilog = [[
Examples:
  trunkhost --sandbox first_job.lua --account famulor --dry-run
  trunkhost first_job.lua --account famulor --word "[Berlin] " --match 'label=*Berlin*']],
}
parser:option "--word" :argname "TEXT" :default "[trunkhost] "
    :description "The word. Default: '[trunkhost] '."
local options <const> = parser:parse()

--- Plans the change of a trunk, and sends nothing. item.account is its account; item.trunk has the platform's fields,
--- by the platform's names.
---@param item trunkhost.Item
---@return trunkhost.Plan
local function plan(item)
    local description <const> = item.account:describe()
    local field <const> = description.label -- the field with the trunk's name: "nickname", "name", …
    local label <const> = field and item.trunk[field]
    if not label or label == trunkhost.null or label == "" then
        return { skip = "it has no name" }
    elseif label:sub(1, #options.word) == options.word then
        return { skip = "it has the word already" } -- so that the job can be run again
    end
    local most <const> = description.objects.trunk.fields[field].max
    if most and utf8.len(options.word .. label) > most then
        return { skip = ("its name would have more than %d characters"):format(most) }
    end
    return { changes = { [field] = options.word .. label } }
end

-- The engine shows the plan, asks, changes one trunk first, keeps to the rate limit, repeats lost requests, records the
-- outcome of each trunk, and reports. --resume resumes a run that was stopped.
trunkhost.job.run { name = "first_job", options = options, plan = plan }
