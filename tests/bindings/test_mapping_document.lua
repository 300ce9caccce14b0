--- The tables of docs/mapping.md are what the code does.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local tables <const> = require "mapping_tables"

local tests <const> = {}

function tests.test_the_tables_are_those_that_the_code_makes()
    local now, fresh = tables.document()
    lu.assertEquals(now, fresh, "make them anew: trunkhost tests/support/mapping_tables.lua --write")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "mapping_document", tests } })
