--- What a report says in words: the result in a sentence, what proves a change, and what a person does next.

local words <const> = {}

---@class trunkhost.ReportState
---@field title string
---@field mark string     says the same as the colour
---@field meaning string

--- In the order in which they matter.
words.states = { "unknown", "failed", "running", "planned", "skipped", "done" }

---@type table<string, trunkhost.ReportState>
words.state = {
    done = { title = "done", mark = "✓", meaning = "The change was made, and is proven as far as this platform can." },
    failed = { title = "failed", mark = "✗", meaning = "The change was not made, or it was made and does not work. \z
        The note says which." },
    unknown = { title = "unknown", mark = "?", meaning = "Nobody can tell whether the change has happened. A person \z
        has to look, or the run is gone on with." },
    skipped = { title = "skipped", mark = "–", meaning = "Nothing was sent. The note says why." },
    running = { title = "left half-way", mark = "!", meaning = "It was begun, and its end is not on record: the run \z
        was killed, or is still at work." },
    planned = { title = "not tried", mark = "·", meaning = "It was chosen, and nothing of it was sent." },
}

--- Evidence → what it says, the strongest first.
words.evidence = {
    { "registered", "the far end has registered with the new password: the strongest proof there is" },
    { "reprovisioned", "the platform has made its SIP legs anew: it shows other infrastructure ids than before" },
    { "updated_at", "the platform shows that the trunk was written after the request" },
    { "accepted", "the platform said yes, and can prove nothing more: a wrong password would show when a call fails" },
}

local EVIDENCE_SHORT <const> = {
    registered = "registered with the new password", reprovisioned = "its legs were made anew",
    updated_at = "written after the request", accepted = "the platform said yes",
}

--- What proves an item, in a few words; what a script has named itself stays as it is.
---@param proof string?
---@return string?
function words.proof(proof)
    return proof and (EVIDENCE_SHORT[proof] or proof)
end

words.secret_states = {
    { "current", "proven as far as the platform can, and the newest" },
    { "candidate", "sent or about to be sent, and not proven: it may be live" },
    { "previous", "was live until another one was, or never came to be" },
    { "rejected", "the platform refused it, or it never left the machine" },
}

--- Create → what became of it.
words.create = {
    landed = "created", absent = "not created: a look has shown that it is not there",
    intended = "not known: it was sent, or about to be", unknown = "not known: look at the platform",
}

-- ---------------------------------------------------------------------------------------------------
-- What to do next

local TRY_AGAIN <const> = "It was tried several times, and nothing proves that anything was changed. When the \z
    platform is well again, go on with the run."

--- By the kind of an error.
local FAILED <const> = {
    auth = "The platform refused the token, and nothing was changed. Set a right one, then go on with the run.",
    refused = "The platform or the carrier said no; its words stand beside the trunk. Mend what they name, then go on \z
        with the run.",
    conflict = "Something at the platform stands against it. Look at what the note names, settle it, then go on with \z
        the run.",
    not_found = "The platform does not know this trunk any more. If it was deleted, there is nothing to do.",
    invalid = "It was stopped before anything was sent. Give what is missing or allow what the note names, and run \z
        again.",
    cancelled = "It was stopped while it was under way. Go on with the run.",
    rate_limited = TRY_AGAIN, unavailable = TRY_AGAIN, network = TRY_AGAIN, timeout = TRY_AGAIN, tls = TRY_AGAIN,
    malformed = "The platform's answer could not be understood. Ask the platform, or go on with the run later.",
}

local UNKNOWN <const> = "Leave the other side as it is until you know more. When the platform is well again, go on \z
    with the run, or do it again for this trunk alone; once it ends as done, the doubt is over."

--- What a person does about items that ended alike.
---@param state string
---@param kind string?  of their error
---@return string
function words.advice(state, kind)
    if state == "unknown" then
        return UNKNOWN
    elseif state == "running" then
        return "It may have happened, or not. The ledger has every password that was sent. Go on with the run: what \z
            was left half-way comes first."
    end
    return FAILED[kind or ""] or "Read the note, mend what it names, then go on with the run."
end

-- ---------------------------------------------------------------------------------------------------
-- The result in a sentence

local function number_of(counts, state)
    return counts[state] or 0
end

local function parts_of(counts, left)
    local parts = {}
    for _, each in ipairs {
        { number_of(counts, "failed"), "%d failed" },
        { number_of(counts, "unknown"), "%d is unknown", "%d are unknown" },
        { number_of(counts, "running"), "%d was left half-way", "%d were left half-way" },
        { number_of(counts, "skipped"), "%d skipped" },
        { left, "%d was not tried", "%d were not tried" },
    } do
        if each[1] > 0 then
            parts[#parts + 1] = (each[1] > 1 and each[3] or each[2]):format(each[1])
        end
    end
    return table.concat(parts, ", ")
end

local BEGINNINGS <const> = { alive = "Still at work: ", died = "Killed before its end: ", halted = "Halted: " }

--- "196 of 200 done; 3 failed, 1 is unknown."
---@param told { life: string, status: integer?, total: integer, counts: table<string, integer>, left: integer,
---             person: integer?,
---             settled: boolean? }  person: how many need one still; settled: none, as later runs have done them
---@return string sentence, string mood  mood: "good", "bad" or "open"
function words.verdict(told)
    local counts <const>, done <const> = told.counts, number_of(told.counts, "done")
    local life <const> = told.life == "ended" and told.status == 3 and "halted" or told.life
    local needs <const> = number_of(counts, "failed") + number_of(counts, "unknown") + number_of(counts, "running")
    if told.status == 75 then
        return "Locked out: another run was at work on an account, and nothing was sent.", "bad"
    elseif told.total == 0 then
        local what <const> = ({ alive = "Still at work; nothing was begun yet.", halted = "Halted before anything was \z
            begun.", died = "Killed before anything was begun." })[life]
            or told.status == 0 and "Ended; there was nothing to do."
            or ("Ended with exit status %d before anything was begun."):format(told.status or 2)
        return what, life == "ended" and told.status == 0 and "good" or life == "alive" and "open" or "bad"
    end
    local rest <const> = parts_of(counts, told.left)
    local text <const> = ("%s%d of %d done%s."):format(BEGINNINGS[life] or "", done, told.total,
        rest ~= "" and "; " .. rest or "")
    if life == "alive" then
        return text, "open"
    elseif told.person and told.person > 0 then
        local people <const> = told.person == 1 and "1 needs a person." or told.person .. " need a person."
        return ("%s %s"):format(text, people), "bad"
    elseif needs > 0 and told.settled then
        return text .. " All of these were settled since.", "good"
    end
    local good <const> = needs == 0 and life == "ended" and told.status == 0
    return text, good and "good" or "bad"
end

return words
