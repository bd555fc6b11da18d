// Runs before the first paint, so that a chosen theme does not flash. "js" marks what needs script.
(function () {
  var root = document.documentElement;
  root.classList.add("js");
  try {
    var chosen = localStorage.getItem("theme");
    if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  } catch (blocked) { /* without storage the system decides */ }
})();
