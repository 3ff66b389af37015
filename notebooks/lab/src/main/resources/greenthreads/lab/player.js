/* Brings recorded steps to life: every player on the page that is not alive yet. */
(function () {
  "use strict";
  function make(tag, classes, text, parent) {
    var element = document.createElement(tag);
    if (classes) { element.className = classes; }
    if (text) { element.textContent = text; }
    if (parent) { parent.appendChild(element); }
    return element;
  }

  function start(root) {
    var data = JSON.parse(root.querySelector("script.gt-data").textContent);
    var stage = root.querySelector(".gt-stage");
    var steps = data.steps;
    var now = 0;

    var bar = make("div", "gt-bar", "", stage);
    function button(label, title, move) {
      var b = make("button", "gt-button", label, bar);
      b.type = "button";
      b.title = title;
      b.setAttribute("aria-label", title);
      b.addEventListener("click", function () { go(move()); });
      return b;
    }
    var first = button("|\u25c0", "to the first step", function () { return 0; });
    var back = button("\u25c0", "one step back", function () { return now - 1; });
    var slider = make("input", "gt-slider", "", bar);
    slider.type = "range";
    slider.min = 0;
    slider.max = steps.length - 1;
    slider.value = 0;
    slider.setAttribute("aria-label", "step");
    slider.addEventListener("input", function () { go(Number(slider.value)); });
    var ahead = button("\u25b6", "one step ahead", function () { return now + 1; });
    var last = button("\u25b6|", "to the last step", function () { return steps.length - 1; });
    var count = make("span", "gt-count", "", bar);

    stage.tabIndex = 0;
    stage.setAttribute("role", "group");
    stage.setAttribute("aria-label", "Recorded steps: arrow keys step");
    stage.addEventListener("keydown", function (event) {
      var to = { ArrowLeft: now - 1, ArrowRight: now + 1, ArrowUp: now - 1, ArrowDown: now + 1,
        Home: 0, End: steps.length - 1 }[event.key];
      if (to !== undefined) {
        event.preventDefault();
        event.stopPropagation();
        go(to);
      }
    });

    var top = make("div", "gt-scene", "", stage);
    var list = make("ol", "gt-code", "", top);
    var says = make("div", "gt-says", "", top);
    says.setAttribute("aria-live", "polite");
    var ran = line("ran");
    var next = line("next");
    function line(title) {
      var div = make("div", "gt-says-line", "", says);
      make("b", "", title + " ", div);
      return { code: make("code", "", "", div), text: make("span", "", "", div) };
    }

    var scene = make("div", "gt-scene", "", stage);
    var lines = steps.map(function (step, i) {
      if (step.gap) { make("li", "gt-gap", "\u2026 the program runs on \u2026", list); }
      var li = make("li", "", "", list);
      make("span", "gt-place", step.place, li);
      make("code", "", step.ins, li);
      make("span", "gt-place", step.src, li);
      li.addEventListener("click", function () { go(i); });
      return li;
    });

    var stacks = data.stacks.map(function (stack) {
      var box = make("div", "gt-stackbox", "", scene);
      var title = make("div", "gt-title", "", box);
      make("b", "", stack.name, title);
      var badge = make("span", "gt-badge", " \u25cf running", title);
      var table = make("table", "gt-stack", "", make("div", "gt-scroll", "", box));
      var body = make("tbody", "", "", table);
      var edge = make("tr", "gt-edge", "", body);
      make("td", "", "\u22ee", edge);
      var rows = [{ arrow: make("td", "gt-gutter", "", edge) }];
      make("td", "", "", edge);
      make("td", "", "", edge);
      stack.labels.forEach(function (label, i) {
        var tr = make("tr", "gt-word" + (stack.lines[i] ? " gt-16" : ""), "", body);
        make("td", "", label, tr);
        rows.push({ arrow: make("td", "gt-gutter", "", tr), cell: make("td", "gt-cell", "", tr),
          what: make("td", "gt-meaning", "", tr) });
      });
      return { box: box, badge: badge, rows: rows };
    });

    var cards = make("div", "gt-cards gt-small", "", stage);
    var registers = data.names.map(function (name, i) {
      var group = make("div", "gt-" + data.owners[i], "", cards);
      var card = make("div", "gt-card", "", group);
      var head = make("div", "gt-name", "", card);
      make("b", "", name, head);
      var mark = make("span", "gt-mark", "", head);
      return { card: card, mark: mark, value: make("code", "gt-hex", "", card),
        what: make("div", "gt-what", "", card) };
    });

    function value(entry) { return entry < 0 ? ["", "????????????????", "not readable"] : data.pool[entry]; }

    function hex(into, digits) {
      var zeros = Math.min(15, /^0*/.exec(digits)[0].length);
      into.textContent = "";
      make("span", "gt-pale", digits.slice(0, zeros), into);
      into.appendChild(document.createTextNode(digits.slice(zeros)));
    }

    function go(to) {
      now = Math.max(0, Math.min(steps.length - 1, to));
      var step = steps[now];
      var before = now > 0 ? steps[now - 1] : null;
      slider.value = now;
      slider.setAttribute("aria-valuetext", step.place + ": " + step.ins);
      first.disabled = back.disabled = now === 0;
      ahead.disabled = last.disabled = now === steps.length - 1;
      count.textContent = (now + 1) + " / " + steps.length;
      ran.code.textContent = before && !step.gap ? before.ins : "";
      ran.text.textContent = !before ? "nothing yet: the function has just been entered."
        : step.gap ? "other instructions, unrecorded, up to the next function that is stepped."
        : before.effect;
      next.code.textContent = step.ins;
      next.text.textContent = step.last && !step.gap && now === steps.length - 1
        ? "the recording ends here. " + data.ending
        : step.ret ? "will take " + data.pc + " from the word that " + data.sp + " points to." : "";
      lines.forEach(function (li, i) { li.classList.toggle("gt-here", i === now); });
      var here = lines[now];
      list.scrollTop = here.offsetTop - list.offsetTop - list.clientHeight / 2;
      stacks.forEach(function (stack, s) {
        var on = step.on === s;
        stack.box.classList.toggle("gt-running", on);
        stack.badge.style.visibility = on ? "visible" : "hidden";
        stack.rows.forEach(function (row, r) {
          row.arrow.textContent = "";
          if (on && step.row + 1 === r) {
            var arrow = make("span", "gt-sp", "", row.arrow);
            make("b", "", data.sp, arrow);
            arrow.appendChild(document.createTextNode(" \u25b6"));
          }
          if (!row.cell) { return; }
          var entry = step.words[s][r - 1];
          var was = before ? before.words[s][r - 1] : entry;
          var taken = step.ret && on && step.row + 1 === r;
          var used = before && before.ret && before.on === s && before.row + 1 === r && !step.gap;
          row.cell.textContent = "";
          row.cell.classList.toggle("gt-changed", entry !== was);
          row.cell.classList.toggle("gt-taken", Boolean(taken || used));
          row.cell.classList.toggle("gt-free", on && r - 1 > step.row && step.row > -2);
          if (entry !== was) { row.cell.appendChild(document.createTextNode("\u25cf ")); }
          hex(make("code", "gt-hex", "", row.cell), value(entry)[1]);
          row.what.textContent = (taken ? "\u2192 will be " + data.pc + ": "
            : used ? "\u2192 is now " + data.pc + ": " : "") + value(entry)[2];
            row.what.title = row.what.textContent;
          row.what.className = "gt-meaning gt-k-" + value(entry)[0];
        });
      });
      registers.forEach(function (register, i) {
        var entry = step.regs[i];
        var changed = before !== null && before.regs[i] !== entry;
        register.card.className = "gt-card gt-k-" + value(entry)[0] + (changed ? " gt-changed" : "");
        register.mark.textContent = changed
          ? (data.names[i] === data.pc && before.ret && !step.gap ? " \u25cf from the stack" : " \u25cf") : "";
        hex(register.value, value(entry)[1]);
        register.what.textContent = value(entry)[2];
      });
    }

    root.querySelector("details.gt-all").open = false;
    stage.hidden = false;
    go(0);
  }

  document.querySelectorAll('.gt-player[data-gt="steps"]:not([data-alive])').forEach(function (root) {
    root.setAttribute("data-alive", "");
    start(root);
  });
})();
