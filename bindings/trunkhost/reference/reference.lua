--- What scripts may use, read from the annotations in bindings/trunkhost/meta/*.lua: for the checker, the prompt and
--- the page docs/lua-api.md. Editors read the same files, so there is one source for all of it.
---
--- Of the annotations of the Lua language server this reads @meta, @class, @field, @alias, @param, @return, @overload,
--- @operator, @generic, @async, @deprecated and @see. It has no word for two things that are said here in a fixed form:
--- a paragraph that begins with "Raises: ", and "Default: `VALUE`." at the end of what is said of a field or parameter.

local core <const> = require "trunkhost.core"
local types <const> = require "trunkhost.reference.types"

local reference <const> = { split = types.split, shape = types.shape, signature = types.signature }

local PREFIX <const> = "trunkhost.meta."

---@class trunkhost.reference.Value  a parameter or a result
---@field name string?
---@field type string
---@field optional boolean?
---@field default string?
---@field doc string

---@class trunkhost.reference.Function
---@field name string            as people write it: "trunkhost.map", "account:get"
---@field params trunkhost.reference.Value[]  without self
---@field vararg boolean
---@field returns trunkhost.reference.Value[]
---@field overloads trunkhost.reference.Function[]  other ways to call it
---@field generics table<string, boolean>  names in its types that stand for any type
---@field waits boolean          it may wait
---@field doc string
---@field raises string?
---@field deprecated boolean?
---@field see string[]

---@class trunkhost.reference.Field
---@field name string
---@field doc string
---@field type string
---@field optional boolean
---@field default string?
---@field method boolean         called with a colon
---@field fn trunkhost.reference.Function?
---@field line integer

---@class trunkhost.reference.Class
---@field name string
---@field doc string
---@field parent string?
---@field open boolean           it may have other members than these
---@field index string?          the type of those
---@field items boolean          those are the items of a list
---@field exact boolean
---@field fields table<string, trunkhost.reference.Field>
---@field order string[]
---@field operators table<string, string>  "call" → the type of its result
---@field file string            the module that says so
---@field line integer
---@field see string[]

---@class trunkhost.reference.Alias
---@field name string
---@field doc string
---@field type string
---@field values string[]        the texts that it may be, where these are all
---@field docs table<string, string>  what each means

---@class trunkhost.Reference
---@field modules table<string, string>  what `require NAME` gives: a class
---@field classes table<string, trunkhost.reference.Class>
---@field class_order string[]
---@field aliases table<string, trunkhost.reference.Alias>
---@field alias_order string[]
---@field files { name: string, module: string?, doc: string, classes: string[], aliases: string[] }[]

-- ---------------------------------------------------------------------------------------------------
-- Reading one file

local Reader <const> = {}
Reader.__index = Reader

function Reader:fail(format, ...)
    error(("%s:%d: %s"):format(self.file.name, self.line, format:format(...)), 0)
end

--- The text so far belongs to the next declaration.
function Reader:take()
    local text <const> = table.concat(self.doc, "\n"):match "^%s*(.-)%s*$"
    self.doc = {}
    return text
end

function Reader:new_tags()
    self.tags = { params = {}, returns = {}, overloads = {}, generics = {}, see = {} }
end

function Reader:cut(text)
    local kind <const>, rest <const> = types.cut(text)
    if not kind then
        self:fail("'%s' does not begin with a type", text)
    end
    return kind, rest
end

--- "… Default: `16`." → "…", "16"
local function with_default(doc)
    local before <const>, value <const> = doc:match "^(.-)%s*Default: (.-)%.$"
    if not before then
        return doc
    end
    return before, value
end

local tag <const> = {}

function tag:meta(text)
    self.file.module = text ~= "" and text or nil
end

function tag:class(text)
    local exact <const> = text:match "^%(exact%)%s*()"
    local name <const>, rest <const> = text:match("^([%w_.]+)%s*(.*)$", exact or 1)
    if not name then
        self:fail("a class without a name")
    elseif self.found.classes[name] then
        self:fail("the class %s is there already", name)
    end
    local class <const> = {
        name = name, doc = self:take(), parent = rest:match "^:%s*([%w_.]+)", exact = exact ~= nil, open = false,
        items = false, fields = {}, order = {}, operators = {}, see = self.tags.see, file = self.file.name,
        line = self.line,
    }
    self.found.classes[name], self.class = class, class
    self.tags.see = {}
    table.insert(self.found.class_order, name)
    table.insert(self.file.classes, name)
end

function Reader:add_field(field)
    local class <const> = self.class
    if not class then
        self:fail("'%s' belongs to no class", field.name)
    elseif class.fields[field.name] then
        self:fail("%s has '%s' already", class.name, field.name)
    end
    field.line = self.line
    class.fields[field.name] = field
    table.insert(class.order, field.name)
end

function tag:field(text)
    local key <const>, index <const> = text:match "^(%b[])%s*()"
    if key then
        self.class.open, self.class.index, self.class.items = true, (self:cut(text:sub(index))), key == "[integer]"
        self.doc = {}
        return
    end
    local name <const>, optional <const>, rest <const> = text:match "^([%a_][%w_]*)(%??)%s+(.*)$"
    if not name then
        self:fail("a field without a name or a type: %s", text)
    end
    local kind <const>, behind <const> = self:cut(rest)
    local above <const> = self:take()
    local doc <const>, default <const> = with_default(above .. (above ~= "" and behind ~= "" and "\n" or "") .. behind)
    self:add_field { name = name, doc = doc, type = kind, optional = optional == "?", default = default, method = false,
        fn = types.signature(kind) }
end

function tag:operator(text)
    local name <const>, rest <const> = text:match "^(%w+)(.*)$"
    local kind <const> = rest:gsub("^%b()", ""):match "^%s*:%s*(.*)$"
    if not kind then
        self:fail("an operator without a type: %s", text)
    end
    self.class.operators[name] = kind
end

function tag:alias(text)
    local name <const>, rest <const> = text:match "^([%w_.]+)%s*(.*)$"
    local alias <const> = { name = name, doc = self:take(), type = rest ~= "" and self:cut(rest) or "", values = {},
        docs = {}, file = self.file.name, line = self.line }
    self.found.aliases[name], self.alias = alias, alias
    table.insert(self.found.alias_order, name)
    table.insert(self.file.aliases, name)
end

function Reader:alias_value(text)
    local kind <const>, rest <const> = self:cut(text)
    local alias <const> = self.alias
    alias.type = alias.type .. (alias.type ~= "" and "|" or "") .. kind
    local value <const> = kind:match '^"(.*)"$'
    if value then
        table.insert(alias.values, value)
        alias.docs[value] = rest:match "^#?%s*(.*)$"
    end
end

function tag:param(text)
    local name <const>, optional <const>, rest <const> = text:match "^([%w_.]+)(%??)%s+(.*)$"
    if not name then
        self:fail("a parameter without a name or a type: %s", text)
    end
    local kind <const>, behind <const> = self:cut(rest)
    local doc <const>, default <const> = with_default(behind)
    self.tags.params[name] = { name = name, type = kind, optional = optional == "?", default = default, doc = doc }
    table.insert(self.tags.params, self.tags.params[name])
end

tag["return"] = function(self, text)
    local kind <const>, rest <const> = self:cut(text)
    local name, doc = rest:match "^([%w_.]+)%s*(.*)$"
    if rest:find "^#" then
        name, doc = nil, rest
    end
    table.insert(self.tags.returns, { type = kind, name = name, doc = (doc or ""):match "^#?%s*(.*)$" })
end

function tag:overload(text)
    local fn <const> = types.signature(text)
    if not fn then
        self:fail("'%s' is not a function", text)
    end
    table.insert(self.tags.overloads, fn)
end

function tag:generic(text)
    for name in text:gmatch "[%w_]+" do
        self.tags.generics[name] = true
    end
end

function tag:async()
    self.tags.async = true
end

function tag:deprecated()
    self.tags.deprecated = true
end

function tag:see(text)
    table.insert(self.tags.see, text)
end

-- Used only by editors.
function tag.nodiscard() end
function tag.type() end

--- Paragraphs of a text, and apart from them the one that begins with "Raises: ".
local function without_raises(text)
    local kept, raises = {}, nil
    for paragraph in (text .. "\n\n"):gmatch "(.-)\n\n+" do
        local said <const> = paragraph:match "^Raises: (.*)$"
        if said then
            raises = said
        else
            kept[#kept + 1] = paragraph
        end
    end
    return table.concat(kept, "\n\n"), raises
end

function Reader:fn(owner, colon, name, words)
    local class <const> = self.locals[owner]
    if not class then
        self:fail("%s is no class of this file", owner)
    end
    self.class = class
    local doc <const>, raises <const> = without_raises(self:take())
    local tags <const> = self.tags
    local fn <const> = {
        name = owner .. colon .. name, params = {}, vararg = false, returns = tags.returns, overloads = tags.overloads,
        generics = tags.generics, waits = tags.async == true, doc = doc, raises = raises, deprecated = tags.deprecated,
        see = tags.see,
    }
    local rest
    for word in words:gmatch "[^,%s]+" do
        local param <const> = tags.params[word]
        if not param then
            self:fail("the parameter %s of %s has no @param", word, fn.name)
        elseif word == "..." then
            fn.vararg, rest = true, param
        else
            table.insert(fn.params, param)
        end
    end
    if #tags.params ~= #fn.params + (rest and 1 or 0) then
        self:fail("%s has a @param that it does not take", fn.name)
    end
    fn.rest = rest
    for _, overload in ipairs(fn.overloads) do
        overload.name = fn.name
    end
    self:add_field { name = name, doc = doc, type = "function", optional = false, method = colon == ":", fn = fn }
    self:new_tags()
end

function Reader:code(text)
    local name <const> = text:match "^local ([%w_]+)"
    local owner <const>, colon <const>, method <const>, words <const>
        = text:match "^function ([%w_]+)([.:])([%w_]+)%((.-)%)"
    local given <const> = text:match "^return ([%w_]+)"
    if name and self.class then
        self.locals[name] = self.class
    elseif owner then
        self:fn(owner, colon, method, words)
    elseif given and self.file.module and self.locals[given] then
        self.found.modules[self.file.module] = self.locals[given].name
    else
        self:fail("cannot read '%s'", text)
    end
    self.doc = {}
end

function Reader:read(source)
    local said_first = false
    for text in source:gmatch "([^\n]*)\n?" do
        self.line = self.line + 1
        local name <const>, words <const> = text:match "^%-%-%-@(%w+)%s*(.-)%s*$"
        if name then
            if not tag[name] then
                self:fail("there is no annotation @%s", name)
            end
            tag[name](self, words)
        elseif text:find "^%-%-%-|" then
            self:alias_value(text:match "^%-%-%-|%s*(.*)$")
        elseif text:find "^%-%-%-" then
            table.insert(self.doc, (text:match "^%-%-%- ?(.*)$"))
        elseif text == "" then
            -- A comment of its own at the head of a file is about the file.
            if not said_first and #self.doc > 0 then
                self.file.doc, said_first = self:take(), true
            end
            self.doc, self.alias = {}, nil
        elseif not text:find "^%-%-" then
            self:code(text)
        end
    end
end

-- ---------------------------------------------------------------------------------------------------
-- All of them

--- Functions of the library are named by their path: "trunkhost.json.encode".
local function name_functions(found)
    local named <const> = {}
    local function walk(class, path)
        if not class or named[class] then
            return
        end
        named[class] = true
        for name, field in pairs(class.fields) do
            if field.fn and not field.method then
                field.fn.name = path .. "." .. name
            elseif found.classes[field.type] then
                walk(found.classes[field.type], path .. "." .. name)
            end
        end
        class.path = path
    end
    local names <const> = {}
    for name in pairs(found.modules) do
        names[#names + 1] = name
    end
    table.sort(names)
    for _, name in ipairs(names) do
        walk(found.classes[found.modules[name]], name)
    end
end

--- Reads annotations; raises mistakes in them, with file and line.
---@param texts { name: string, source: string }[]
---@return trunkhost.Reference
function reference.parse(texts)
    local found <const> = { modules = {}, classes = {}, class_order = {}, aliases = {}, alias_order = {}, files = {} }
    for _, text in ipairs(texts) do
        local file <const> = { name = text.name, doc = "", classes = {}, aliases = {} }
        table.insert(found.files, file)
        local reader <const> = setmetatable({ found = found, file = file, line = 0, doc = {}, locals = {} }, Reader)
        reader:new_tags()
        reader:read(text.source)
    end
    name_functions(found)
    return found
end

--- The annotations that are compiled into the program, by name.
---@return { name: string, source: string }[]
function reference.source()
    local texts <const> = {}
    for _, name in ipairs(core.module_names()) do
        if name:sub(1, #PREFIX) == PREFIX then
            texts[#texts + 1] = { name = name:sub(#PREFIX + 1) .. ".lua", source = core.module_source(name) }
        end
    end
    table.sort(texts, function(a, b) return a.name < b.name end)
    return texts
end

local loaded

--- What scripts may use.
---@return trunkhost.Reference
function reference.load()
    loaded = loaded or reference.parse(reference.source())
    return loaded
end

--- The members of a class, those of its parents included, by name; and whether it may have others.
---@param name string
---@return table<string, trunkhost.reference.Field>? fields, boolean? open
function reference.members(name)
    local classes <const> = reference.load().classes
    local class = classes[name]
    if not class then
        return nil
    end
    local fields, open = {}, false
    while class do
        for member, field in pairs(class.fields) do
            fields[member] = fields[member] or field
        end
        open = open or class.open
        class = classes[class.parent]
    end
    return fields, open
end

return reference
