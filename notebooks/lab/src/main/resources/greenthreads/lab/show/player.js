/* Brings recorded steps to life: every player on the page that is not alive yet. */
(function () {
  "use strict";
  var OURS = "data-lm-suppress-shortcuts";

  /* JupyterLab looks for shortcuts before a figure hears of a key, but not where the focused element
     has this attribute. What is typed with Ctrl or Cmd, to save for example, is still JupyterLab's. */
  if (!window.greenThreadsKeys) {
    window.greenThreadsKeys = true;
    window.addEventListener("keydown", function (event) {
      if (event.target.closest && event.target.closest(".gt")) {
        event.target.toggleAttribute(OURS, !(event.ctrlKey || event.metaKey));
      }
    }, true);
  }

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
    stage.setAttribute("aria-label", "Recorded steps: arrow keys step, Escape leaves");
    stage.addEventListener("keydown", function (event) {
      if (event.ctrlKey || event.metaKey || event.altKey) { return; }
      var to = { ArrowLeft: now - 1, ArrowRight: now + 1, ArrowUp: now - 1, ArrowDown: now + 1,
        Home: 0, End: steps.length - 1 }[event.key];
      if (to !== undefined) {
        event.preventDefault();
        go(to);
      } else if (event.key === "Escape") {
        leave();
      }
      if (event.key !== "Tab") { event.stopPropagation(); }
    });
    function leave() {
      var cell = root.closest(".jp-Cell");
      document.activeElement.blur();
      if (cell) { cell.focus(); }
    }

    var top = make("div", "gt-scene", "", stage);
    var code = make("div", "gt-codebox", "", top);
    make("div", "gt-file", data.file, code);
    var list = make("ol", "gt-code", "", code);
    list.tabIndex = 0; // it scrolls, and has nothing else in it that could have the focus
    list.setAttribute("aria-label", "the instructions, in the order in which they ran");
    var says = make("div", "gt-says", "", top);
    says.setAttribute("aria-live", "polite");
    var ran = line("ran");
    var next = line("next");
    function line(title) {
      var div = make("div", "gt-says-line", "", says);
      make("b", "", title + " ", div);
      return { code: make("code", "", "", div), text: make("span", "", "", div) };
    }

    var widest = steps.reduce(function (most, step) { return Math.max(most, step.place.length); }, 0);
    var lines = steps.map(function (step, i) {
      if (step.gap) { make("li", "gt-gap", "\u2026 the program runs on \u2026", list); }
      var li = make("li", "", "", list);
      make("code", "gt-place", step.place, li).style.minWidth = Math.min(24, widest + 1) + "ch";
      make("code", "gt-ins", step.ins, li);
      make("span", "gt-src", step.src, li).title = step.from;
      li.addEventListener("click", function () { go(i); });
      return li;
    });

    var scene = make("div", "gt-stacks", "", stage);
    scene.style.setProperty("--gt-count", Math.min(data.stacks.length, 3));
    var stacks = data.stacks.map(function (stack) {
      var box = make("div", "gt-stackbox", "", scene);
      var title = make("div", "gt-title", "", box);
      make("b", "", stack.name, title);
      var badge = make("span", "gt-badge", " \u25cf running", title);
      var body = make("div", "gt-rows", "", box);
      var edge = make("div", "gt-row gt-edge", "", body);
      make("span", "gt-label", "\u22ee", edge);
      var rows = [{ row: edge, arrow: make("span", "gt-gutter", "", edge) }];
      stack.labels.forEach(function (label, i) {
        if (stack.folds[i]) {
          var fold = make("div", "gt-row gt-edge", "", body);
          make("span", "gt-label", "\u22ee", fold);
          make("span", "gt-folded", stack.folds[i] + " words that no step touches", fold);
        }
        var row = make("div", "gt-row gt-word" + (stack.lines[i] ? " gt-16" : ""), "", body);
        make("span", "gt-label", label, row);
        rows.push({ row: row, arrow: make("span", "gt-gutter", "", row),
          cell: make("span", "gt-cell", "", row), what: make("span", "gt-meaning", "", row) });
      });
      return { box: box, badge: badge, body: body, rows: rows };
    });

    /* The registers that matter have a place each; where there are too many, each step has its own. */
    var places = [];
    var close = make("div", "gt-near", "", stage);
    for (var p = 0; p < data.places; p++) { places.push(card(close)); }
    var far = make("details", "gt-far", "", stage);
    var folded = make("summary", "", "", far);
    var cards = make("div", "gt-near", "", far);
    var others = data.names.map(function (name, i) { return i; })
      .filter(function (i) { return data.always.indexOf(i) < 0; });
    var rest = others.map(function () { return card(cards); });
    far.hidden = others.length === 0;

    function card(parent) {
      var group = make("div", "", "", parent);
      var box = make("div", "gt-card", "", group);
      var head = make("div", "gt-name", "", box);
      return { group: group, card: box, name: make("b", "", "", head),
        mark: make("span", "gt-mark", "", head), value: make("code", "gt-hex", "", box),
        what: make("div", "gt-what", "", box) };
    }

    function value(entry) { return entry < 0 ? ["", "????????????????", "not readable"] : data.pool[entry]; }

    /* Whether what a value is says more than its digits: for where there is no room for both. */
    function worded(entry) { return !/^(bits|paint|)$/.test(value(entry)[0]); }

    function hex(into, digits) {
      var zeros = Math.min(15, /^0*/.exec(digits)[0].length);
      into.textContent = "";
      make("span", "gt-pale", digits.slice(0, zeros), into);
      into.appendChild(document.createTextNode(digits.slice(zeros)));
    }

    /* Scrolls a box, and only that, until a part of it is seen. */
    function reveal(box, part) {
      var inside = part.offsetTop;
      if (inside < box.scrollTop + part.offsetHeight
        || inside + 2 * part.offsetHeight > box.scrollTop + box.clientHeight) {
        box.scrollTop = inside - (box.clientHeight - part.offsetHeight) / 2;
      }
    }

    function show(place, i, step, before) {
      place.group.style.visibility = i === undefined ? "hidden" : "visible";
      if (i === undefined) { return; }
      var entry = step.regs[i];
      var changed = before !== null && before.regs[i] !== entry;
      var used = step.uses.indexOf(i) >= 0;
      var flags = i === data.flags;
      place.group.className = "gt-" + data.owners[i];
      place.card.className = "gt-card gt-k-" + value(entry)[0] + (changed ? " gt-changed" : "")
        + (used ? " gt-used" : "") + (worded(entry) || flags ? " gt-worded" : "");
      place.card.title = data.names[i] + " = 0x" + value(entry)[1] + ", " + value(entry)[2];
      place.name.textContent = data.names[i];
      place.mark.textContent = changed
        ? (data.names[i] === data.pc && before.ret && !step.gap ? " \u25cf from stack" : " \u25cf") : "";
      hex(place.value, value(entry)[1]);
      place.what.textContent = value(entry)[2];
    }

    function registers(step, before) {
      var near = data.always;
      if (near.length === 0) {
        near = data.names.map(function (name, i) { return i; }).filter(function (i) {
          return step.uses.indexOf(i) >= 0 || (before && before.regs[i] !== step.regs[i]);
        }).slice(0, data.places);
      }
      places.forEach(function (place, n) { show(place, near[n], step, before); });
      others.forEach(function (i, n) { show(rest[n], i, step, before); });
      var hidden = before ? others.filter(function (i) {
        return near.indexOf(i) < 0 && before.regs[i] !== step.regs[i];
      }).length : 0;
      folded.textContent = (data.always.length === 0 ? "All registers"
        : "The other " + others.length + " registers")
        + (hidden ? " (" + hidden + " changed \u25cf)" : "");
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
      says.scrollTop = 0;
      lines.forEach(function (li, i) { li.classList.toggle("gt-here", i === now); });
      list.scrollTop = lines[now].offsetTop - (list.clientHeight - lines[now].offsetHeight) / 2;
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
            reveal(stack.body, row.row);
          }
          if (!row.cell) { return; }
          var entry = step.words[s][r - 1];
          var was = before ? before.words[s][r - 1] : entry;
          var taken = step.ret && on && step.row + 1 === r;
          var used = before && before.ret && before.on === s && before.row + 1 === r && !step.gap;
          row.row.classList.toggle("gt-worded", worded(entry) || Boolean(taken || used));
          row.cell.classList.toggle("gt-changed", entry !== was);
          row.cell.classList.toggle("gt-taken", Boolean(taken || used));
          row.cell.classList.toggle("gt-free", on && r - 1 > step.row && step.row > -2);
          row.cell.textContent = "";
          if (entry !== was) { make("span", "gt-dot", "\u25cf ", row.cell); }
          hex(make("code", "gt-hex", "", row.cell), value(entry)[1]);
          row.what.textContent = (taken || used ? "\u2192 " + data.pc + ": " : "") + value(entry)[2];
          row.row.title = "0x" + value(entry)[1] + ", "
            + (taken ? "will be " + data.pc + ": " : used ? "is now " + data.pc + ": " : "")
            + value(entry)[2];
          row.what.className = "gt-meaning gt-k-" + value(entry)[0];
        });
      });
      registers(step, before);
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
