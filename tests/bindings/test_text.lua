--- Text for people and for spreadsheets: durations, widths, tables, CSV.

package.path = "tests/support/?.lua;" .. package.path
local csv <const> = require "trunkhost.csv"
local duration <const> = require "trunkhost.duration"
local lu <const> = require "luaunit"
local program <const> = require "program"
local aligned <const> = require "trunkhost.table"
local match <const> = require "trunkhost.job.match"
local text_width <const> = require "trunkhost.text.width"

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

function tests.test_weeks_and_months_are_spans_and_m_stays_minutes()
    for text, days in pairs { ["2w"] = 14, ["3mo"] = 90, ["1mo1w1d"] = 38, ["1MO"] = 30 } do
        lu.assertEquals(duration.parse(text), days * 86400, text)
    end
    lu.assertEquals(duration.parse "1mo3m", 30 * 86400 + 180)
    lu.assertNil((duration.parse "3mon"))
end

local function at(hour, min)
    return os.time { year = 2025, month = 6, day = 15, hour = hour, min = min, sec = 0 }
end

function tests.test_a_time_of_day_that_has_passed_lately_is_told()
    lu.assertEquals(select(3, duration.until_instant("05:00", at(5, 1))), 60)
    lu.assertEquals(select(3, duration.until_instant("05:00", at(5, 0))), 0)
    lu.assertEquals(select(3, duration.until_instant("23:00", at(1, 0))), 2 * 3600)
    lu.assertNil((select(3, duration.until_instant("05:00", at(22, 0)))))
    lu.assertNil((select(3, duration.until_instant("05:00", at(4, 59)))))
end

-- Summer time changes what a clock shows where there is any.
local ZONE <const> = [[
local duration <const> = require "trunkhost.duration"
local function at(month, day, hour, min, isdst)
    return os.time { year = 2026, month = month, day = day, hour = hour, min = min, sec = 0, isdst = isdst }
end
local function window(text, ...)
    local found <const> = duration.window(text, at(...))
    print(text .. " " .. (found.left and found.left // 60 or "outside, " .. found.starts // 60))
end
print((duration.until_instant("02:30", at(3, 29, 1, 0))) // 60)
print((duration.until_instant("05:00", at(3, 29, 0, 30))) // 60)
print((duration.until_instant("02:30", at(10, 25, 1, 0))) // 60)
print((duration.until_instant("02:30", at(10, 25, 2, 40, true))) // 60)
print((duration.until_instant("05:00", at(10, 25, 0, 30))) // 60)
window("02:30-03:30", 3, 29, 1, 0)
window("02:30-03:30", 3, 29, 3, 10)
window("01:00-02:30", 3, 29, 1, 30)
window("22:00-05:00", 3, 28, 23, 0)
window("02:00-03:00", 10, 25, 2, 10, true)
window("02:00-03:00", 10, 25, 2, 10, false)
window("02:00-02:30", 10, 25, 2, 45, true)
window("22:00-05:00", 10, 24, 23, 0)
]]

function tests.test_a_deadline_and_a_window_follow_the_clock_through_both_changes_of_summer_time()
    local folder <const> = program.folder()
    program.write(folder .. "/zone.lua", ZONE)
    local result <const> = program.run(folder .. "/zone.lua", { env = { TZ = "Europe/Berlin" } })
    program.remove(folder)
    lu.assertEquals(result.out, [[
60
210
90
50
330
02:30-03:30 outside, 60
02:30-03:30 20
01:00-02:30 30
22:00-05:00 300
02:00-03:00 110
02:00-03:00 50
02:00-02:30 outside, 15
22:00-05:00 420
]], result.err)
end

function tests.test_a_window_is_from_its_first_moment_to_before_its_last_also_across_midnight()
    lu.assertEquals(duration.window("02:00-05:00", at(2, 0)), { left = 3 * 3600 })
    lu.assertEquals(duration.window("02:00-05:00", at(4, 59)), { left = 60 })
    lu.assertEquals(duration.window("02:00-05:00", at(5, 0)), { starts = 21 * 3600 })
    lu.assertEquals(duration.window("22:00-05:00", at(23, 0)), { left = 6 * 3600 })
    lu.assertEquals(duration.window("22:00-05:00", at(0, 0)), { left = 5 * 3600 })
    lu.assertEquals(duration.window("22:00-05:00", at(12, 0)), { starts = 10 * 3600 })
    for _, wrong in ipairs { "05:00-05:00", "5-6", "02:00-24:00", "02:60-03:00", "02:00", "", "02:00 - 05:00" } do
        lu.assertNil((duration.window(wrong)), wrong)
    end
end

function tests.test_durations_are_written_with_the_two_units_that_matter()
    for seconds, text in pairs { [0.04] = "0.0 s", [9.94] = "9.9 s", [9.96] = "10 s", [59.4] = "59 s",
        [59.6] = "1 m 00 s", [125] = "2 m 05 s", [3599.7] = "1 h 00 m", [90061] = "1 d 01 h" } do
        lu.assertEquals(duration.format(seconds), text)
    end
end

function tests.test_width_counts_columns_not_bytes()
    for text, width in pairs { ["Büro"] = 4, ["東京"] = 4, ["e\u{301}"] = 1, ["–"] = 1, ["मुंबई"] = 3, [""] = 0,
        ["कार्यालय"] = 7, ["✅ up"] = 5, ["🟢"] = 2, ["🪐"] = 2, ["⏰⚡"] = 4, ["🇩🇪 "] = 3, ["half \xFF"] = 6 } do
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

function tests.test_columns_of_a_table_stand_below_each_other()
    lu.assertEquals(aligned.render({ { title = "NAME" }, { title = "STATE" } }, { { "✅ up", "done" },
        { "東京", "failed" } }), "NAME   STATE\n✅ up  done\n東京   failed\n")
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
        lu.assertEquals(match.glob(case[1], case[2]), case[3], case[1] .. " " .. case[2])
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "text", tests } })
