--- Tables as spreadsheets write them, read row by row.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local csv <const> = require "trunkhost.csv"
local program <const> = require "program"

local tests = {}

local folder <const> = program.folder_for_each(tests)

local function rows_of(text)
    program.write(folder .. "/t.csv", text)
    local rows = {}
    for row, line in csv.rows(folder .. "/t.csv") do
        row.line = line
        rows[#rows + 1] = row
    end
    return rows
end

local function problem_of(text)
    local ok, err = pcall(rows_of, text)
    lu.assertFalse(ok)
    lu.assertEquals(err.kind, "invalid")
    return (err.message:gsub("^" .. folder:gsub("%p", "%%%0") .. "/", ""))
end

local EXPECTED <const> = {
    { trunk = "42", label = 'a "b"; c', line = 2 }, { trunk = "43", label = "two\nlines", line = 3 },
    { trunk = "44", label = "", line = 5 },
}

function tests.test_separators_marks_and_ends_of_lines_of_all_programs_are_understood()
    for _, separator in ipairs { ",", ";", "\t" } do
        for _, ending in ipairs { "\n", "\r\n" } do
            for _, mark in ipairs { "", "\xEF\xBB\xBF" } do
                local lines = { csv.record({ "trunk", " label " }, separator), csv.record({ "42", 'a "b"; c' },
                    separator), csv.record({ "43", "two\nlines" }, separator), "44" .. separator, separator, "" }
                lu.assertEquals(rows_of(mark .. table.concat(lines, ending)), EXPECTED)
            end
        end
    end
    lu.assertEquals(rows_of "sep=;\r\ntrunk;label\r\n1;x\r\n", { { trunk = "1", label = "x", line = 3 } })
    lu.assertEquals(rows_of '"trunk";"label"\n"1";"x"', { { trunk = "1", label = "x", line = 2 } })
    lu.assertEquals(rows_of "trunk,label\r1,x\r2,y", { { trunk = "1", label = "x", line = 2 },
        { trunk = "2", label = "y", line = 3 } })
end

function tests.test_what_is_wrong_is_said_with_file_and_line()
    lu.assertEquals(problem_of "a,b\n1,2\n3\n", "t.csv:3: 1 fields, where the first line has 2")
    lu.assertEquals(problem_of "a,b\n1,2,3\n", "t.csv:2: '3' stands in a column without a name")
    lu.assertEquals(problem_of 'a,b\n1,"x\ny', "t.csv:2: a quoted field does not end")
    lu.assertEquals(problem_of 'a,b\n1,x"y\n', "t.csv:2: a quote inside a field that is not quoted")
    lu.assertEquals(problem_of 'a,b\n1,"x"y\n', "t.csv:2: text after the end of a quoted field")
    lu.assertEquals(problem_of "a,b\n1,\xFC\n", "t.csv:2: column b is not UTF-8 text: save the file as CSV in UTF-8 "
        .. "(Excel calls it CSV UTF-8)")
    lu.assertEquals(problem_of "a\0,\0b\0", "t.csv:1: this is UTF-16 text without a mark, or no text: save it as CSV "
        .. "in UTF-8")
    lu.assertEquals(problem_of "\xFF\xFEa\0,\0b\0\n\0\0\xDC", "t.csv:2: this is UTF-16 text with half a character in "
        .. "it: save it as CSV in UTF-8")
    lu.assertEquals(problem_of "a,a\n1,2\n", "t.csv:1: the column 'a' stands there twice")
    lu.assertEquals(problem_of "", "t.csv:1: the file is empty: its first line must name the columns")
    local ok, err = pcall(csv.rows, folder .. "/none.csv")
    lu.assertFalse(ok)
    lu.assertStrContains(err.message, "none.csv: No such file")
end

local function utf16(text, format)
    local units = {}
    for _, code in utf8.codes(text) do
        if code > 0xFFFF then
            code = code - 0x10000
            units[#units + 1] = format:pack(0xD800 + (code >> 10))
            code = 0xDC00 + (code & 0x3FF)
        end
        units[#units + 1] = format:pack(code)
    end
    return table.concat(units)
end

function tests.test_utf_16_of_either_order_reads_like_utf_8()
    local text = "trunk\tlabel\r\n42\tBüro 🟢\r\n43\t" .. ("ü🟢"):rep(40000) .. "\r\n"
    local expected = { { trunk = "42", label = "Büro 🟢", line = 2 },
        { trunk = "43", label = ("ü🟢"):rep(40000), line = 3 } }
    for _, format in ipairs { "<I2", ">I2" } do
        lu.assertEquals(rows_of(utf16("\u{FEFF}" .. text, format)), expected)
    end
end

--- Cells that lie across the pieces in which the file is read.
function tests.test_rows_are_the_same_wherever_a_piece_of_the_file_ends()
    for length = 64 * 1024 - 12, 64 * 1024 + 2 do
        local filler = ("x"):rep(length - 6)
        local rows = rows_of("a,b\r\n" .. filler .. ',"q""q"\r\n1,2\r\n')
        lu.assertEquals(#rows, 2, length)
        lu.assertEquals({ #rows[1].a, rows[1].b, rows[2].a, rows[2].b }, { length - 6, 'q"q', "1", "2" }, length)
    end
end

--- Promise: a long file needs no more memory than a short one.
function tests.test_many_rows_need_little_memory()
    local file = assert(io.open(folder .. "/long.csv", "w"))
    file:write "trunk,label\n"
    local block = {}
    for i = 1, 1000 do block[i] = ('%d,"Label ""%d"""\n'):format(i, i) end
    block = table.concat(block)
    for _ = 1, 100 do file:write(block) end
    file:close()
    collectgarbage()
    local before, most, count = collectgarbage "count", 0, 0
    for _ in csv.rows(folder .. "/long.csv") do
        count = count + 1
        if count % 10000 == 0 then
            collectgarbage()
            most = math.max(most, collectgarbage "count" - before)
        end
    end
    lu.assertEquals(count, 100000)
    lu.assertTrue(most < 1024, most)
end

function tests.test_a_text_in_memory_is_read_as_well()
    local rows = assert(csv.parse 'a,b\n1,"x\n""y"\n\n2,z')
    lu.assertEquals({ rows[2][2], rows[3][1], rows[3].line }, { 'x\n"y', "2", 5 })
    local none, problem = csv.parse 'a\n"x'
    lu.assertNil(none)
    lu.assertEquals(problem, "line 2: a quoted field does not end")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "csv", tests } })
