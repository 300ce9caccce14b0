--- `trunkhost init [DIR]`: a configuration, a first job and what editors need, to begin with. Nothing that is there is
--- ever overwritten.

local command_line <const> = require "trunkhost.text.command_line"
local core <const> = require "trunkhost.core"
local json <const> = require "trunkhost.json"
local shell <const> = require "trunkhost.text.shell"
local usage <const> = require "trunkhost.text.usage"
local uv <const> = require "trunkhost.uv"

local EPILOG <const> = [[
What is there already is left as it is.

Exit status: 0 all is there now; 2 it could not be written, or wrong usage.]]

local LUARC <const> = [[
{
    "$schema": "https://raw.githubusercontent.com/LuaLS/vscode-lua/master/setting/schema.json",
    "runtime.version": "Lua 5.4",
    "workspace.library": [%s],
    "workspace.checkThirdParty": false
}
]]

local GITIGNORE <const> = [[
# Tokens and passwords do not belong into a repository.
*.token
*.key
*passwords*.csv
*passwords*.json
]]

local fail <const> = usage.fail

local function read(words)
    return command_line.read({ name = "init", epilog = EPILOG,
        description = "Writes a configuration, a first job script and settings for editors into a folder." },
        function(parser)
            parser:argument "DIR" :target "dir" :argname "DIR" :args "?"
                :description "The folder; it is created if there is none. Default: this one."
        end, words)
end

--- Makes a folder and those above it.
local function make_folder(path)
    local about <const> = uv.fs_stat(path)
    if about and about.type == "directory" then
        return
    elseif about then
        fail("%s is a file; name a folder", path)
    end
    local above <const> = path:match "^(.*[^/])/+[^/]+/*$"
    if above then
        make_folder(above)
    end
    local made <const>, problem <const>, code <const> = uv.fs_mkdir(path, tonumber("755", 8))
    if not made and code ~= "EEXIST" then
        fail("cannot make the folder: %s", problem)
    end
end

local function is_meta(folder)
    return folder and uv.fs_stat(folder .. "/trunkhost.lua") ~= nil and uv.fs_realpath(folder) or nil
end

--- The folder with the annotations: beside the program wherever it was moved to, else where they were installed; those
--- of the sources for a program that runs where it was built.
local function meta_folder()
    local place <const> = uv.exepath():match "^(.*)/[^/]*$"
    local installed <const>, build <const>, source <const> = core.meta_folders()
    return is_meta(place .. "/../share/trunkhost/meta") or is_meta(place == build and source or installed)
end

--- Writes a file that is not there yet; false where one is.
local function write_new(path, text)
    local file <const>, problem <const>, code <const> = uv.fs_open(path, "wx", tonumber("644", 8))
    if not file then
        if code == "EEXIST" then
            return false
        end
        fail("cannot write: %s", problem)
    end
    local written <const>, why <const> = uv.fs_write(file, text, -1)
    uv.fs_close(file)
    if written ~= #text then
        uv.fs_unlink(path)
        fail("cannot write %s: %s", path, why or "the disk is full")
    end
    return true
end

local function print_next(config, script)
    core.write("out", ([[

Next:
  trunkhost --sandbox -c %s %s --dry-run
      shows what the job would do, on a fake platform
  put your accounts into %s, then: trunkhost -c %s doctor
      looks whether a run would find what it needs
  trunkhost -c %s %s --dry-run
      the same job on your own trunks; nothing is changed
Without -c the configuration is read from $TRUNKHOST_CONFIG or ~/.config/trunkhost/config.lua.
]]):format(config, script, config, config, config, script))
end

return function(...)
    local dir <const> = read({ ... }).dir or "."
    if dir == "" then
        fail "the name of the folder is empty"
    end
    make_folder(dir)
    local prefix <const> = dir == "." and "" or dir:gsub("/+$", "") .. "/"
    local meta <const> = meta_folder()
    local files <const> = {
        { "config.lua", core.module_source "trunkhost.templates.config", "the accounts" },
        { "first_job.lua", core.module_source "trunkhost.templates.first_job", "a job to begin with" },
        { ".luarc.json", meta and LUARC:format(json.encode(meta)), "settings for editors" },
        { ".gitignore", GITIGNORE, "what a repository must not have" },
    }
    local width <const> = #prefix + #"first_job.lua"
    for _, file in ipairs(files) do
        local name <const>, text <const>, what <const> = table.unpack(file, 1, 3)
        if not text then
            core.log("warn", ("not written: %s: the annotations for editors are not installed with this program")
                :format(prefix .. name))
        else
            local is_new <const> = write_new(prefix .. name, text)
            core.write("out", ("%s  %s%s  %s\n"):format(is_new and "wrote" or "left ", prefix .. name,
                (" "):rep(width - #prefix - #name), is_new and what or "it was there already"))
        end
    end
    print_next(shell.quote(prefix .. "config.lua"), shell.quote(prefix .. "first_job.lua"))
end
