// What pages do with script and can do without: theme, search key, copy, toasts, menu, clock.
(function () {
  "use strict";
  var root = document.documentElement;

  function dark() {
    var chosen = root.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }

  // As the system says, then the other one, then the system's own kept fixed, then as it says again.
  function toggleTheme() {
    var system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    var chosen = root.dataset.theme;
    if (!chosen) root.dataset.theme = dark() ? "light" : "dark";
    else if (chosen !== system) root.dataset.theme = system;
    else delete root.dataset.theme;
    try {
      if (root.dataset.theme) localStorage.setItem("theme", root.dataset.theme);
      else localStorage.removeItem("theme");
    } catch (blocked) { /* for this page only */ }
    nameTheme();
    document.dispatchEvent(new Event("theme"));
  }

  function nameTheme() {
    var said = "Theme: " + (root.dataset.theme || "as the system says");
    document.querySelectorAll("[data-theme-toggle]").forEach(function (button) {
      button.title = said;
      button.setAttribute("aria-label", said + ". Change it");
      var words = button.querySelector("span");
      if (words) words.textContent = said;
    });
  }

  function copy(button) {
    var block = document.getElementById(button.dataset.copy);
    var label = button.querySelector("span");
    if (!block || !label) return;
    navigator.clipboard.writeText(block.dataset.plain || block.textContent).then(function () {
      var said = label.textContent;
      label.textContent = "Copied";
      setTimeout(function () { label.textContent = said; }, 2000);
    });
  }

  function closeMenu() {
    document.querySelectorAll("details.switcher[open], details.pick[open]").forEach(function (d) { d.open = false; });
    if (location.hash === "#rail") location.hash = "#main";
  }

  function dismissToasts(area) {
    var toasts = area.querySelectorAll(".toast");
    for (var i = 0; i < toasts.length - 2; i++) toasts[i].remove();
    area.querySelectorAll(".toast:not([data-stay])").forEach(function (toast) {
      if (toast.dataset.timed) return;
      toast.dataset.timed = "1";
      setTimeout(function () { toast.remove(); }, 8000);
    });
  }

  document.addEventListener("click", function (event) {
    var hit = event.target.closest("[data-theme-toggle], [data-copy], [data-close]");
    if (hit && hit.hasAttribute("data-theme-toggle")) toggleTheme();
    else if (hit && hit.hasAttribute("data-copy")) copy(hit);
    else if (hit) hit.closest(".toast").remove();
    document.querySelectorAll("details.switcher[open], details.pick[open]").forEach(function (open) {
      if (!open.contains(event.target)) open.open = false;
    });
  });

  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") {
      closeMenu();
      if (event.target.matches("[data-find]")) event.target.blur();
    }
    var typing = event.target.closest("input, textarea, select, [contenteditable]");
    var find = document.querySelector("[data-find]");
    if (event.key !== "/" || typing || !find || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    find.focus();
    find.select();
  });

  document.querySelectorAll("[data-theme-toggle]").forEach(function (b) { b.hidden = false; });
  nameTheme();
  document.querySelectorAll("[data-toasts]").forEach(function (area) {
    dismissToasts(area);
    new MutationObserver(function () { dismissToasts(area); }).observe(area, { childList: true });
  });

  // The clock starts from the server's time: the machine before the screen may be wrong.
  var clock = document.querySelector("[data-clock]");
  if (clock) {
    var ahead = Date.parse(clock.dateTime) - Date.now();
    setInterval(function () {
      var now = new Date(Date.now() + ahead).toISOString();
      clock.dateTime = now;
      clock.textContent = now.slice(11, 16) + " UTC";
    }, 10000);
  }
})();
