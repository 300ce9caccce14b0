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
