/* What the site adds to its pages and figures for those who use the keyboard or listen. */
(function () {
  "use strict";
  var BOXES = ".bd-article pre, .bd-article table, .gt-listing, .gt-drawn, .gt-scroll, .gt-sides, .gt-tall, .gt-rows";

  /* A box that scrolls can be reached. Which ones do depends on the screen. */
  function reach() {
    document.querySelectorAll(BOXES).forEach(function (box) {
      var scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
      if (scrolls && !box.hasAttribute("tabindex")) { box.tabIndex = 0; }
    });
  }

  /* The sidebar's folds have a symbol only. */
  document.querySelectorAll("li.has-children > details > summary").forEach(function (fold) {
    var link = fold.closest("li").querySelector("a");
    fold.setAttribute("aria-label", "Pages under " + link.textContent.trim());
  });

  reach();
  window.addEventListener("resize", reach);
})();
