--- Writes docs/lua-api.md. Run from the top of the tree: build/release/trunkhost tests/docs/generate_api.lua

package.path = "tests/docs/?.lua;" .. package.path
local api_page <const> = require "api_page"

local file <const> = assert(io.open(api_page.path, "w"))
assert(file:write(api_page.text()))
assert(file:close())
