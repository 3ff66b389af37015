/* A code block that scrolls can be reached and scrolled by the keyboard. */
(function () {
  "use strict";
  document.querySelectorAll(".bd-article pre, .bd-article .gt-listing, .gt-drawn, .gt-scroll, .bd-article table").forEach(function (box) {
    if (box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1) {
      if (!box.hasAttribute("tabindex")) { box.tabIndex = 0; }
    }
  });
  /* The sidebar's folds have a symbol only. */
  document.querySelectorAll("li.has-children > details > summary").forEach(function (fold) {
    var link = fold.closest("li").querySelector("a");
    fold.setAttribute("aria-label", "Pages under " + link.textContent.trim());
  });
})();
