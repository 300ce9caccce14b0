---@meta trunkhost.export

--- Writes trunks to a file that people edit: `require "trunkhost.export"`. See [Editing](editing.md).

---@class trunkhost.Export
local export = {}

--- Adds the options of an export to a parser.
---@param parser trunkhost.Parser
function export.add_options(parser) end

--- Checks that the options fit together; if not, the run ends as a usage error.
---@param chosen trunkhost.Options
---@return trunkhost.Options
function export.check_options(chosen) end

--- Reads the chosen trunks in full, with their parts.
---@async
---@param chosen trunkhost.Options  As `check_options` returned them.
---@return trunkhost.ExportFound found
function export.read(chosen) end

--- Writes them to the file that the options name, or ends the run with status 1 if some could not be read.
---@param chosen trunkhost.Options
---@param found trunkhost.ExportFound
function export.write(chosen, found) end

--- What was read.
---@class trunkhost.ExportFound
---@field rows table[]  A trunk each, in the order of the file.
---@field missing { account: string, trunk?: string, message: string }[]  What could not be read.

return export
