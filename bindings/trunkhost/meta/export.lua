---@meta trunkhost.export

--- Writing trunks to a file that people edit: `require "trunkhost.export"`. See [Editing](editing.md).

---@class trunkhost.Export
local export = {}

--- Adds the options of writing such a file to a parser.
---@param parser trunkhost.Parser
function export.add_options(parser) end

--- Looks whether what was chosen fits together; what does not is a usage error.
---@param chosen trunkhost.Options
---@return trunkhost.Options
function export.check_options(chosen) end

--- Reads the chosen trunks in full, with what belongs to them.
---@async
---@param chosen trunkhost.Options  As `check_options` has returned them.
---@return trunkhost.ExportFound found
function export.read(chosen) end

--- Writes them where the options say, or ends the run with status 1 when some could not be read.
---@param chosen trunkhost.Options
---@param found trunkhost.ExportFound
function export.write(chosen, found) end

--- What was read.
---@class trunkhost.ExportFound
---@field rows table[]  A trunk each, in the order of the file.
---@field missing { account: string, trunk?: string, message: string }[]  What could not be read.

return export
