--- Text for people and for spreadsheets: durations, widths, tables, CSV.

local csv <const> = require "trunkhost.csv"
local duration <const> = require "trunkhost.duration"
local lu <const> = require "luaunit"
local aligned <const> = require "trunkhost.table"
local select_items <const> = require "trunkhost.job_select"
local text_width <const> = require "trunkhost.text_width"

local tests = {}

function tests.test_durations_are_read_as_people_write_them()
    for text, seconds in pairs { ["45s"] = 45, ["10m"] = 600, ["1h30m"] = 5400, ["2d"] = 172800, ["1.5h"] = 5400,
        ["1H"] = 3600 } do
        lu.assertEquals(duration.parse(text), seconds)
    end
    for _, text in ipairs { "", "45", "m", "5x", "1h ", "-5m", "0s", "1h30" } do
        local value, problem = duration.parse(text)
        lu.assertNil(value, text)
        lu.assertIsString(problem)
    end
end

function tests.test_a_time_of_day_is_its_next_one()
    local noon = os.time { year = 2026, month = 5, day = 4, hour = 12, min = 0, sec = 0 }
    lu.assertEquals(duration.until_instant("12:01", noon), 60)
    lu.assertEquals(duration.until_instant("11:59", noon), 86400 - 60)
    lu.assertEquals(duration.until_instant("12:00", noon), 86400)
    lu.assertEquals(duration.until_instant("5m", noon), 300)
    lu.assertNil((duration.until_instant("12:60", noon)))
    lu.assertNil((duration.until_instant("noon", noon)))
end

function tests.test_durations_are_written_with_the_two_units_that_matter()
    for seconds, text in pairs { [0.04] = "0.0 s", [9.94] = "9.9 s", [9.96] = "10 s", [59.4] = "59 s",
        [59.6] = "1 m 00 s", [125] = "2 m 05 s", [3599.7] = "1 h 00 m", [90061] = "1 d 01 h" } do
        lu.assertEquals(duration.format(seconds), text)
    end
end

function tests.test_width_counts_columns_not_bytes()
    for text, width in pairs { ["Büro"] = 4, ["東京"] = 4, ["e\u{301}"] = 1, ["–"] = 1, ["मुंबई"] = 3, [""] = 0,
        ["✅ up"] = 5, ["🟢"] = 2, ["🪐"] = 2, ["⏰⚡"] = 4, ["🇩🇪 "] = 3, ["half \xFF"] = 6 } do
        lu.assertEquals(text_width.of(text), width, text)
    end
    lu.assertEquals(text_width.cut("サポート 東京", 7), "サポー…")
    lu.assertEquals(text_width.cut("Büro Köln", 6), "Büro…")
    lu.assertEquals(text_width.cut("Büro Köln", 9), "Büro Köln")
    lu.assertEquals(text_width.wrap("one two three abcdefghij", 7), { "one two", "three", "abcdefg", "hij" })
end

function tests.test_what_steers_a_terminal_is_made_visible()
    lu.assertEquals(text_width.plain "a\27[31mb\0c\r\n\u{9B}d\u{202E}e\u{2066}f\xFFg",
        "a\\x1b[31mb\\x00c\\x0d \\xc2\\x9bd\\xe2\\x80\\xaee\\xe2\\x81\\xa6f\\xffg")
    lu.assertEquals(text_width.plain "a\u{9B}b\u{202E}c", "a\\x9bb?c")
    lu.assertEquals(text_width.plain "Büro – 東京", "Büro – 東京")
end

local COLUMNS <const> = {
    { title = "A", group = true }, { title = "ID" }, { title = "NAME", min = 6, max = 12, drop = 1 },
    { title = "N", right = true }, { title = "NOTE", note = true },
}

function tests.test_a_table_in_a_pipe_is_as_wide_as_its_content()
    lu.assertEquals(aligned.render(COLUMNS, { { "x", "1", "a long name, uncut", "7", "" },
        { "y", "22", "東京", "10", "a note that is as long as it likes to be" } }),
        "A  ID  NAME                 N  NOTE\n"
        .. "x  1   a long name, uncut   7\n"
        .. "y  22  東京                10  a note that is as long as it likes to be\n")
end

function tests.test_a_column_without_content_is_left_out()
    lu.assertEquals(aligned.render(COLUMNS, { { "x", "1", "", "", "" } }), "A  ID\nx  1\n")
end

function tests.test_on_a_terminal_no_line_is_wider_than_the_screen_and_no_id_is_cut()
    local id = ("0123456789abcdef"):rep(2)
    for width = 40, 130 do
        local text = aligned.render(COLUMNS, {
            { "first", id, "Fifty characters: the longest label", "1", ("word "):rep(30) },
            { "second", "2", "", "100", "short" },
            { "first", id, "b", "1", "" },
        }, { width = width })
        for line in text:gmatch "[^\n]+" do
            lu.assertTrue(text_width.of(line) <= width, width .. ": " .. line)
        end
        lu.assertEquals(select(2, text:gsub(id, "")), 2)
        lu.assertEquals(select(2, text:gsub("word", "")), 30)
    end
end

function tests.test_colours_do_not_change_the_layout()
    local rows = { { "x", "1", { "nm", colour = "red" }, { "7", colour = "green" }, { "note", colour = "dim" } } }
    local plain = aligned.render(COLUMNS, rows, { width = 60 })
    local coloured = aligned.render(COLUMNS, rows, { width = 60, colours = true })
    lu.assertStrContains(coloured, "\27[31mnm\27[0m")
    lu.assertEquals(coloured:gsub("\27%[%d+m", ""), plain)
end

function tests.test_csv_goes_there_and_back()
    local values = { "plain", "", 'a "quote"', "comma, and", "two\r\nlines", " spaced ", "ü" }
    local records = assert(csv.parse("h\r\n" .. csv.record(values) .. "\r\n\r\nlast,\n"))
    lu.assertEquals(#records, 3)
    lu.assertEquals(table.move(records[2], 1, #values, 1, {}), values)
    lu.assertEquals({ records[2].line, records[3].line }, { 2, 5 })
    lu.assertEquals({ records[3][1], records[3][2] }, { "last", "" })
    lu.assertEquals(csv.record { "a", 'b"c' }, 'a,"b""c"')
end

function tests.test_broken_csv_is_refused_with_its_line()
    for text, problem in pairs {
        ['a\n"b'] = "line 2: a quoted field does not end",
        ['a\n"b"c\n'] = "line 2: text after the end of a quoted field",
        ['a"b\n'] = "line 1: a quote inside a field that is not quoted",
    } do
        local records, message = csv.parse(text)
        lu.assertNil(records)
        lu.assertEquals(message, problem)
    end
end

function tests.test_globs_take_every_other_character_as_itself()
    for _, case in ipairs { { "a.b", "a.b", true }, { "axb", "a.b", false }, { "sip.example.com", "*.example.*", true },
        { "Büro", "B?ro", true }, { "Büro", "B??ro", false }, { "a%b", "a%b", true }, { "", "*", true },
        { "x", "", false }, { "+49[1]", "+49[1]", true }, { "abc", "b", false }, { "a\nb", "a*b", true } } do
        lu.assertEquals(select_items.glob(case[1], case[2]), case[3], case[1] .. " " .. case[2])
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "text", tests } })
