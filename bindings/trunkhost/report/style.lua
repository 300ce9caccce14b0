--- How a report looks, and the little that moves in it. The page's security policy admits these two texts and
--- nothing else, so no attribute of an element may hold style or script.

local report_style <const> = {}

report_style.css = [[
:root{--ink:#1c2329;--soft:#59636d;--paper:#fff;--card:#f5f7f8;--line:#d5dade;--link:#0b57a4;
--done:#166b40;--failed:#b3261e;--unknown:#8a5300;--running:#7a3ea8;--skipped:#59636d;--planned:#59636d;
--done-bg:#e4f4ea;--failed-bg:#fbe7e5;--unknown-bg:#fdf0d5;
--running-bg:#f1e6fa;--skipped-bg:#e9ecef;--planned-bg:#e9ecef;
color-scheme:light dark}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#a3adb6;--paper:#14181b;--card:#1d2327;--line:#39424a;
--link:#8bbcf2;
--done:#6fd19b;--failed:#ff9a91;--unknown:#f3bf5f;--running:#d3a6f5;--skipped:#a3adb6;--planned:#a3adb6;
--done-bg:#16301f;--failed-bg:#3b1a18;--unknown-bg:#352709;--running-bg:#2e1d3b;
--skipped-bg:#272e33;--planned-bg:#272e33}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;background:var(--paper);color:var(--ink);
font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
header,main,footer{max-width:76rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2rem}
h1{font-size:1.05rem;font-weight:600;margin:0;color:var(--soft);overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:2.5rem 0 .75rem;padding-bottom:.25rem;border-bottom:1px solid var(--line)}
h3{font-size:1.05rem;margin:1.5rem 0 .5rem;overflow-wrap:anywhere}
a{color:var(--link)}
a:focus-visible,button:focus-visible,input:focus-visible,
select:focus-visible,summary:focus-visible,[tabindex]:focus-visible{
outline:2px solid var(--link);outline-offset:2px}
.verdict{font-size:clamp(1.3rem,1rem + 1.6vw,2rem);line-height:1.25;font-weight:700;margin:.35rem 0 .5rem}
.verdict span{display:inline-block;min-width:1.6em;padding:0 .3em;border-radius:.3em;text-align:center}
.verdict.good span{color:var(--done);background:var(--done-bg)}
.verdict.bad span{color:var(--failed);background:var(--failed-bg)}
.verdict.open span{color:var(--running);background:var(--running-bg)}
.meta,.hint{color:var(--soft);margin:.25rem 0}
.meta{font-size:.95rem}
.mono,code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.875em}
code,bdi,.mono{overflow-wrap:anywhere}
pre{margin:.5rem 0;padding:.65rem .8rem;background:var(--card);border:1px solid var(--line);border-radius:.4rem;
white-space:pre-wrap;overflow-wrap:anywhere}
.state{display:inline-block;white-space:nowrap;
padding:.05rem .5rem;border-radius:1rem;font-size:.875rem;font-weight:600}
.state.done{color:var(--done);background:var(--done-bg)}
.state.failed{color:var(--failed);background:var(--failed-bg)}
.state.unknown{color:var(--unknown);background:var(--unknown-bg)}
.state.running{color:var(--running);background:var(--running-bg)}
.state.skipped{color:var(--skipped);background:var(--skipped-bg)}
.state.planned{color:var(--planned);background:var(--planned-bg)}
.bar{display:block;width:100%;height:1.1rem;margin:.5rem 0 .75rem}
.bar .done{fill:var(--done)}.bar .failed{fill:var(--failed)}.bar .unknown{fill:var(--unknown)}
.bar .running{fill:var(--running)}.bar .skipped{fill:var(--line)}.bar .planned{fill:var(--skipped-bg)}
.numbers{display:flex;flex-wrap:wrap;gap:.4rem 1.5rem;list-style:none;margin:0;padding:0}
.numbers b{font-size:1.15rem;margin-left:.35rem}
.card{border:1px solid var(--line);border-left-width:.35rem;
border-radius:.4rem;padding:.25rem 1rem .75rem;margin:1rem 0}
.card h3{margin:.6rem 0 .25rem}
.card.failed{border-left-color:var(--failed)}.card.unknown{border-left-color:var(--unknown)}
.card.running{border-left-color:var(--running)}.card.done{border-left-color:var(--done)}
.card.planned{border-left-color:var(--planned)}
.card p{margin:.4rem 0}
.card ul{margin:.5rem 0;padding-left:1.2rem}
.card li{margin:.35rem 0}
.who{font-weight:600}
.label{color:var(--soft)}
.said{color:var(--ink)}
details{margin:.15rem 0}
summary{cursor:pointer;color:var(--link)}
details ol,details ul{margin:.35rem 0;padding-left:1.3rem;font-size:.9rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1.25rem;margin:0}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;font-size:.925rem;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--soft);padding:.25rem 0}
th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid var(--line)}
thead th{color:var(--soft);font-weight:600;font-size:.85rem;border-bottom-width:2px}
tbody th{font-weight:400}
td.number,th.number{text-align:right}
td.number{white-space:nowrap}
.items .trunk{width:22%}
.items .trunk bdi{display:block}
.items .note{overflow-wrap:anywhere}
.items tr:target{background:var(--card);outline:2px solid var(--link)}
@media (min-width:60rem){
.items{table-layout:fixed}
.items th:nth-child(2){width:8.5rem}.items th:nth-child(3){width:16%}.items th:nth-child(4){width:15%}
.items th:nth-child(5){width:4.5rem}.items th:nth-child(6){width:6rem}
.items td{overflow-wrap:anywhere}
}
.tools{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;margin:.5rem 0;font-size:.925rem}
.tools input,.tools select,.sort{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--line);
border-radius:.3rem;padding:.25rem .5rem}
.tools input{min-width:0;flex:0 1 16rem}
.sort{border:0;padding:0;font-weight:600;color:inherit;background:none;cursor:pointer;text-align:inherit}
[aria-sort=ascending] .sort::after{content:" \2191"}
[aria-sort=descending] .sort::after{content:" \2193"}
footer{margin-top:3rem;padding-top:1rem;padding-bottom:2rem;color:var(--soft);font-size:.875rem}
@media screen and (max-width:45rem){
header,main,footer{padding-left:.9rem;padding-right:.9rem}
header{padding-top:1.25rem}
dl{grid-template-columns:1fr;gap:0}
dd{margin-bottom:.5rem}
.cards,.cards tbody,.cards caption{display:block}
.cards thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.cards tr{display:grid;grid-template-columns:1fr auto;gap:.1rem .75rem;padding:.6rem 0;
border-bottom:1px solid var(--line)}
.cards th,.cards td{display:block;width:auto!important;border:0;padding:0;text-align:left;grid-column:1/-1}
.cards td.number{grid-column:auto}
.cards td:empty{display:none}
.cards td[data-n]::before{content:attr(data-n) ": ";color:var(--soft)}
.cards tr>:first-child{grid-column:1}
.cards tr>.chip{grid-column:2}
.items .trunk bdi{display:inline}
.items .trunk .label::before{content:"\00a0\00a0"}
}
@media print{
:root{--ink:#000;--soft:#444;--paper:#fff;--card:#fff;--line:#999;--link:#000;
--done:#12603a;--failed:#8f1b14;--unknown:#6b4000;--running:#5b2b80;--skipped:#444;--planned:#444;color-scheme:light}
html{font-size:9.5pt}
header,main,footer{max-width:none;padding-left:0;padding-right:0}
.tools{display:none}
.state{border:1px solid currentColor}
.state,.verdict span{background:none!important}
.bar{print-color-adjust:exact;-webkit-print-color-adjust:exact}
a{text-decoration:none}
h2,h3{break-after:avoid}
tr,.card li,pre{break-inside:avoid}
thead{display:table-header-group}
}
]]

-- Without it everything is there as well; it adds a filter and an order to the longer tables.
report_style.script = [[
(function () {
  "use strict";
  function make(name, text) {
    var element = document.createElement(name);
    if (text) element.textContent = text;
    return element;
  }
  function labelled(text, input) {
    var label = make("label", text + " ");
    label.appendChild(input);
    return label;
  }
  function addTools(table) {
    var rows = Array.prototype.slice.call(table.tBodies[0].rows);
    if (rows.length < 6) return;
    var tools = make("div"), words = make("input"), states = make("select"), said = make("span");
    tools.className = "tools";
    words.type = "search";
    said.setAttribute("role", "status");
    var seen = {};
    states.appendChild(new Option("all", ""));
    rows.forEach(function (row) {
      var state = row.getAttribute("data-state");
      if (state && !seen[state]) {
        seen[state] = true;
        states.appendChild(new Option(row.querySelector(".state").lastChild.textContent.trim(), state));
      }
    });
    var later = 0;
    function filter() {
      var text = words.value.toLowerCase(), state = states.value, shown = 0;
      rows.forEach(function (row) {
        var fits = (!state || row.getAttribute("data-state") === state) &&
          (!text || row.textContent.toLowerCase().indexOf(text) >= 0);
        row.hidden = !fits;
        if (fits) shown += 1;
      });
      said.textContent = shown === rows.length ? "" : shown + " of " + rows.length + " shown";
    }
    words.addEventListener("input", function () {
      clearTimeout(later);
      later = setTimeout(filter, 120);
    });
    states.addEventListener("change", filter);
    tools.appendChild(labelled("Find", words));
    if (Object.keys(seen).length > 1) tools.appendChild(labelled("State", states));
    tools.appendChild(said);
    table.parentNode.insertBefore(tools, table);
    // A link to a row that is filtered away shows it.
    window.addEventListener("hashchange", function () {
      var row = document.getElementById(location.hash.slice(1));
      if (row && row.hidden && table.contains(row)) {
        words.value = states.value = "";
        filter();
        row.scrollIntoView();
      }
    });
  }
  function addOrder(table) {
    var body = table.tBodies[0];
    if (body.rows.length < 2) return;
    Array.prototype.forEach.call(table.tHead.rows[0].cells, function (head, at) {
      var button = make("button", head.textContent);
      button.type = "button";
      button.className = "sort";
      head.textContent = "";
      head.appendChild(button);
      button.addEventListener("click", function () {
        var down = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        Array.prototype.forEach.call(table.tHead.rows[0].cells, function (other) {
          other.removeAttribute("aria-sort");
        });
        head.setAttribute("aria-sort", down > 0 ? "ascending" : "descending");
        var keyed = Array.prototype.map.call(body.rows, function (row, place) {
          var cell = row.cells[at];
          return { row: row, place: place, key: cell.getAttribute("data-v") || cell.textContent.trim() };
        });
        keyed.sort(function (a, b) {
          var order = a.key.localeCompare(b.key, undefined, { numeric: true });
          return down * order || a.place - b.place;
        });
        keyed.forEach(function (each) { body.appendChild(each.row); });
      });
    });
  }
  Array.prototype.forEach.call(document.querySelectorAll("table.items"), function (table) {
    addOrder(table);
    addTools(table);
  });
})();
]]

return report_style
