std = "lua54"
max_line_length = 120
codes = true
exclude_files = { "build" }
files["tests/**/*.lua"] = { ignore = { "212/self" } }
-- Declarations for editors: functions without a body.
files["bindings/trunkhost/meta/*.lua"] = { ignore = { "212", "241", "431" } }
